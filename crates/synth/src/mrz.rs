//! Machine-readable zones after ICAO 9303: names, dates and numbers with their check digits.

use crate::person::{Date, Person, Sex};

/// The layouts that our templates print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Three lines of 30: cards and permits.
    Td1,
    /// Two lines of 36: large visas and older permits.
    Td2,
    /// Two lines of 44: passports.
    Td3,
}

/// The ICAO 9303 check digit of a field: weights 7, 3, 1; letters count 10 to 35, fillers 0.
///
/// ```
/// assert_eq!(saltprint_synth::check_digit("L898902C3"), '6');
/// ```
pub fn check_digit(field: &str) -> char {
    let sum: u32 = field
        .chars()
        .zip([7, 3, 1].into_iter().cycle())
        .map(|(c, weight)| c.to_digit(36).unwrap_or(0) * weight)
        .sum();
    char::from_digit(sum % 10, 10).unwrap_or('0')
}

/// Capital ASCII letters and fillers only.
fn transliterate(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().flat_map(char::to_uppercase) {
        match c {
            'A'..='Z' | '0'..='9' => out.push(c),
            'À'..='Ã' | 'Å' | 'Ă' | 'Ą' | 'Ā' => out.push('A'),
            'Ä' | 'Æ' => out.push_str("AE"),
            'Ç' | 'Ć' | 'Č' => out.push('C'),
            'Ď' | 'Đ' => out.push('D'),
            'È'..='Ë' | 'Ę' | 'Ě' | 'Ė' => out.push('E'),
            'Ğ' => out.push('G'),
            'Ì'..='Ï' | 'İ' => out.push('I'),
            'Ł' => out.push('L'),
            'Ñ' | 'Ń' | 'Ň' => out.push('N'),
            'Ò'..='Õ' | 'Ő' => out.push('O'),
            'Ö' | 'Ø' => out.push_str("OE"),
            'Ř' => out.push('R'),
            'Ś' | 'Š' | 'Ş' => out.push('S'),
            'Ť' | 'Ţ' => out.push('T'),
            'Ù'..='Û' | 'Ů' | 'Ű' => out.push('U'),
            'Ü' => out.push_str("UE"),
            'Ý' => out.push('Y'),
            'Ź' | 'Ż' | 'Ž' => out.push('Z'),
            '\'' | '’' => {}
            _ => out.push('<'),
        }
    }
    out
}

fn pad(text: &str, length: usize) -> String {
    let mut out: String = text.chars().take(length).collect();
    while out.len() < length {
        out.push('<');
    }
    out
}

fn yymmdd(date: Date) -> String {
    format!("{:02}{:02}{:02}", date.year % 100, date.month, date.day)
}

fn sex(sex: Sex) -> char {
    match sex {
        Sex::Female => 'F',
        Sex::Male => 'M',
        Sex::Unstated => '<',
    }
}

/// The lines for `person`; `code` is the document code ("P", "I", "IR"), `issuer` the three-letter state.
pub(crate) fn lines(format: Format, code: &str, issuer: &str, person: &Person) -> Vec<String> {
    let names = format!("{}<<{}", transliterate(&person.surname), transliterate(&person.given));
    let number = pad(&person.document_number, 9);
    let number_check = check_digit(&number);
    let (birth, expiry) = (yymmdd(person.birth), yymmdd(person.expires));
    let (birth_check, expiry_check) = (check_digit(&birth), check_digit(&expiry));
    let (nation, sex) = (person.nationality.code, sex(person.sex));
    let code = pad(code, 2);
    match format {
        Format::Td1 => {
            let optional = pad(&person.personal_number, 15);
            let first = format!("{code}{issuer}{number}{number_check}{optional}");
            let filler = pad("", 11);
            let composite = check_digit(&format!(
                "{number}{number_check}{optional}{birth}{birth_check}{expiry}{expiry_check}{filler}"
            ));
            let second =
                format!("{birth}{birth_check}{sex}{expiry}{expiry_check}{nation}{filler}{composite}");
            vec![first, second, pad(&names, 30)]
        }
        Format::Td2 => {
            let optional = pad("", 7);
            let composite = check_digit(&format!(
                "{number}{number_check}{birth}{birth_check}{expiry}{expiry_check}{optional}"
            ));
            let second = format!(
                "{number}{number_check}{nation}{birth}{birth_check}{sex}{expiry}{expiry_check}{optional}{composite}"
            );
            vec![format!("{code}{issuer}{}", pad(&names, 31)), second]
        }
        Format::Td3 => {
            let optional = pad(&person.personal_number, 14);
            let optional_check = check_digit(&optional);
            let composite = check_digit(&format!(
                "{number}{number_check}{birth}{birth_check}{expiry}{expiry_check}{optional}{optional_check}"
            ));
            let second = format!(
                "{number}{number_check}{nation}{birth}{birth_check}{sex}{expiry}{expiry_check}{optional}{optional_check}{composite}"
            );
            vec![format!("{code}{issuer}{}", pad(&names, 39)), second]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_of_the_icao_specimen() {
        assert_eq!(check_digit("L898902C3"), '6');
        assert_eq!(check_digit("740812"), '2');
        assert_eq!(check_digit("120415"), '9');
        assert_eq!(check_digit("ZE184226B<<<<<"), '1');
        assert_eq!(check_digit("L898902C3674081221204159ZE184226B<<<<<1"), '0');
        assert_eq!(check_digit("D231458907<<<<<<<<<<<<<<<74081221204159<<<<<<<<<<<"), '6');
    }

    #[test]
    fn every_line_has_its_length_and_valid_checks() {
        for seed in 0..200 {
            let person = Person::invent(seed);
            for (format, length, count) in [(Format::Td1, 30, 3), (Format::Td2, 36, 2), (Format::Td3, 44, 2)]
            {
                let lines = lines(format, "P", "VAL", &person);
                assert_eq!(lines.len(), count);
                for line in &lines {
                    assert_eq!(line.len(), length, "{line}");
                    assert!(line.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'<'));
                }
            }
            let td3 = &lines(Format::Td3, "P", "VAL", &person)[1];
            for (field, check) in
                [(&td3[0..9], 9), (&td3[13..19], 19), (&td3[21..27], 27), (&td3[28..42], 42)]
            {
                assert_eq!(td3.as_bytes()[check] as char, check_digit(field));
            }
            let composite = format!("{}{}{}", &td3[0..10], &td3[13..20], &td3[21..43]);
            assert_eq!(td3.as_bytes()[43] as char, check_digit(&composite));
        }
    }
}
