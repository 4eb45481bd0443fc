//! Invented names and places, put together from syllables in several flavours.

use crate::rng::Rng;

/// A language-like set of building blocks.
struct Flavour {
    male: &'static [&'static str],
    female: &'static [&'static str],
    male_end: &'static [&'static str],
    female_end: &'static [&'static str],
    family: &'static [&'static str],
    family_end: &'static [&'static str],
    street_end: &'static [&'static str],
}

const FLAVOURS: &[Flavour] = &[
    Flavour {
        male: &["Hal", "Ein", "Tor", "Bran", "Sig", "Leif", "Ulf", "Mag", "Ras", "Vid"],
        female: &["Ing", "Sol", "Ast", "Frid", "Hel", "Sig", "Ran", "Liv", "Tor", "Gun"],
        male_end: &["var", "mund", "rik", "stein", "ar", "nus", "mar", ""],
        female_end: &["rid", "veig", "hild", "a", "run", "borg", "ve"],
        family: &["Berg", "Lind", "Øst", "Sand", "Hög", "Nor", "Ek", "Sjö", "Fjell", "Grøn"],
        family_end: &["ström", "vik", "heim", "stad", "sen", "qvist", "dal", "holm", "mark"],
        street_end: &["gata", "veien", "stigen", "torget"],
    },
    Flavour {
        male: &["Mar", "Luc", "Vin", "San", "Fab", "Ro", "Gi", "Al", "Este", "Ren"],
        female: &["Mar", "Lu", "Val", "Bea", "Chia", "Ro", "Sil", "Ali", "Pao", "Ser"],
        male_end: &["io", "cenzo", "dro", "rico", "van", "berto", "milo", "nato"],
        female_end: &["ina", "cia", "entina", "trice", "ra", "sa", "via", "ella", "ena"],
        family: &["Mon", "Ros", "Bel", "Cas", "Fer", "Mar", "Del", "Tor", "Vil", "Sal", "Pel"],
        family_end: &["tini", "etti", "lucci", "telli", "rante", "zano", "visi", "landa", "gnolo"],
        street_end: &[" via Alta", " corso", " piazza", " viale"],
    },
    Flavour {
        male: &["Jar", "Mir", "Sta", "Vla", "Zby", "Bog", "Kaz", "Rad", "Lju", "Bra"],
        female: &["Jad", "Mir", "Zof", "Lud", "Bož", "Kata", "Dan", "Mil", "Ves", "Agn"],
        male_end: &["osław", "ek", "dan", "mir", "imír", "bomil", "nko", "tislav"],
        female_end: &["wiga", "ena", "ia", "mila", "ica", "ieszka", "uše", "ana"],
        family: &["Kowal", "Nov", "Dvoř", "Wiś", "Zel", "Hor", "Pet", "Jan", "Krá", "Šim", "Ław"],
        family_end: &["czyk", "ák", "niewicz", "ński", "enko", "ović", "ek", "ček", "iak"],
        street_end: &["ska ulica", "ova", "náměstí", "owa"],
    },
    Flavour {
        male: &["Ama", "Kof", "Tun", "Ade", "Chi", "Oba", "Sek", "Kwa", "Ile", "Ba"],
        female: &["Ama", "Efu", "Ngo", "Ada", "Chi", "Abe", "Fol", "Aku", "Ife", "Ya"],
        male_end: &["di", "fi", "de", "yemi", "nedu", "femi", "ou", "me", "ko"],
        female_end: &["ra", "a", "zi", "eze", "oma", "bi", "ake", "sua", "yinka"],
        family: &["Oko", "Ade", "Men", "Dia", "Bou", "Nwo", "Asa", "Tra", "Kei", "Eze"],
        family_end: &["nkwo", "bayo", "sah", "llo", "ubakar", "su", "oré", "ta", "kwu", "rinde"],
        street_end: &[" Road", " Close", " Crescent", " Avenue"],
    },
    Flavour {
        male: &["Har", "Tak", "Ken", "Min", "Jun", "Wei", "Zhi", "Sato", "Hiro", "Yong"],
        female: &["Aki", "Mei", "Yuk", "Lin", "Hana", "Xiao", "Sora", "Min", "Emi", "Ji"],
        male_end: &["uto", "eshi", "ji", "ho", "hao", "shi", "su", "ming", "ki"],
        female_end: &["ko", "ling", "iko", "na", "mi", "yan", "hee", "yu", "ra"],
        family: &["Taka", "Mori", "Ishi", "Kuro", "Chen", "Hoang", "Naka", "Park", "Yama", "Liu"],
        family_end: &["moto", "da", "kawa", "shita", "mura", "", "no", "yama"],
        street_end: &["-dori", " Lu", "-machi", "-ro"],
    },
    Flavour {
        male: &["Far", "Kha", "Nad", "Rash", "Om", "Yus", "Tar", "Sam", "Zay", "Ily"],
        female: &["Ami", "Lay", "Nou", "Zah", "Sam", "Yas", "Far", "Kha", "Rim", "Dal"],
        male_end: &["id", "lil", "ir", "ar", "uf", "iq", "as", "ed"],
        female_end: &["na", "la", "ra", "ira", "min", "ida", "dija", "al"],
        family: &["Al-Mas", "Ben ", "Haj", "Kar", "Sha", "Mou", "Qas", "Raf", "El-Am", "Naj"],
        family_end: &["ri", "sour", "imi", "hine", "saoui", "jar", "ani", "hidi", "bari"],
        street_end: &[" Street", " Sokak", " Caddesi", " Lane"],
    },
    Flavour {
        male: &["Will", "Ed", "Har", "Al", "Rob", "Theo", "Os", "Ger", "Fre", "Con"],
        female: &["El", "Har", "Mab", "Win", "Ros", "Flor", "Cat", "Ger", "Bri", "Mar"],
        male_end: &["iam", "win", "old", "bert", "in", "dore", "mund", "rard", "derick"],
        female_end: &["eanor", "riet", "el", "ifred", "alind", "ence", "herine", "trude", "gitte"],
        family: &["Ash", "Whit", "Hart", "Mc", "Thorn", "Brad", "O'", "Black", "Mill", "Wain", "Stan"],
        family_end: &["ford", "taker", "well", "Kendry", "ley", "Brannon", "wick", "worth", "hurst"],
        street_end: &[" Street", " Road", " Terrace", " Gardens", " Mews"],
    },
];

const CITY: &[&str] =
    &["Port", "Nova", "Kar", "Stein", "Alt", "Mont", "Vel", "Gran", "Os", "Tar", "Bel", "Lun"];
const CITY_END: &[&str] =
    &["haven", "grad", "mora", "burg", "ville", "stad", "ona", "field", "ara", "minster"];

/// Given name(s) and family name; `female` chooses the endings.
pub(crate) fn person(rng: &mut Rng, female: bool) -> (String, String) {
    let flavour = rng.pick(FLAVOURS);
    let (heads, ends) =
        if female { (flavour.female, flavour.female_end) } else { (flavour.male, flavour.male_end) };
    let mut given = format!("{}{}", rng.pick(heads), rng.pick(ends));
    if rng.chance(0.35) {
        given = format!("{given} {}{}", rng.pick(heads), rng.pick(ends));
    }
    let mut family = format!("{}{}", rng.pick(flavour.family), rng.pick(flavour.family_end));
    if rng.chance(0.12) {
        let other = rng.pick(FLAVOURS);
        family = format!("{family}-{}{}", rng.pick(other.family), rng.pick(other.family_end));
    }
    (given, family)
}

pub(crate) fn city(rng: &mut Rng) -> String {
    let tail = if rng.chance(0.2) { [" North", " on Sea", " Spa", " II"][rng.below(4)] } else { "" };
    format!("{}{}{tail}", rng.pick(CITY), rng.pick(CITY_END))
}

pub(crate) fn street(rng: &mut Rng) -> String {
    let flavour = rng.pick(FLAVOURS);
    let letter = if rng.chance(0.2) { ["a", "b", "c"][rng.below(3)] } else { "" };
    format!(
        "{}{}{} {}{letter}",
        rng.pick(flavour.family).trim(),
        rng.pick(&["er", "en", "ar", "in"]),
        rng.pick(flavour.street_end),
        rng.int(1, 240)
    )
}
