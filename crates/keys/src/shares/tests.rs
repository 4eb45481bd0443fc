use std::{fs, time::UNIX_EPOCH};

use proptest::{prelude::*, sample::subsequence};

use super::*;
use crate::{IndexKey, keygen, system_random};

fn material(secret: u8) -> Material {
    let key = RoleKey::from_secret(Role::Index, &[secret; 32]);
    Material { role: Role::Index, key, created: 1_795_000_000 }
}

fn shares(secret: u8, needed: u8, total: u8) -> Vec<Share> {
    split_material(&material(secret), needed, total, &mut system_random).unwrap()
}

fn copy(share: &Share) -> Share {
    Share {
        set: share.set,
        index: share.index,
        data: Slot::init_with(|bytes| bytes.copy_from_slice(share.data.expose())),
        mac: share.mac,
    }
}

fn pick(shares: &[Share], positions: &[usize]) -> Vec<Share> {
    positions.iter().map(|&position| copy(&shares[position])).collect()
}

/// The share with other data, and checks that fit them.
fn altered(share: &Share) -> Share {
    let mut altered = copy(share);
    altered.data = Slot::init_with(|bytes| {
        bytes.copy_from_slice(share.data.expose());
        bytes[3] ^= 0x10;
    });
    altered
}

#[test]
fn text_is_the_documented_one() {
    let mut count = 0;
    let mut counting = |buffer: &mut [u8]| {
        count += 1;
        buffer.fill(count);
        Ok(())
    };
    let shares = split_material(&material(7), 2, 3, &mut counting).unwrap();
    let text = shares[1].to_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "saltprint key share 1");
    assert!(lines[1].starts_with("# Secret: with 2 of the 3 shares anybody has the index key."));
    assert_eq!(lines[3], "role     index");
    assert_eq!(lines[4], format!("key      {}", material(7).key.id()));
    assert_eq!(lines[5], "created  1795000000");
    assert_eq!(lines[6], "set      0101 0101 0101 0101");
    assert_eq!(lines[7], "share    2 of 3, 2 needed");
    // Computed by another implementation from `FORMAT.md`, the polynomials included.
    let golden = [
        "data     0301 0f0d 0b09 1715 1311 1f1d 1b19 2725 : c437",
        "data     2321 2f2d 2b29 3735 3331 3f3d 3b39 4745 : 01bd",
        "mac      079c 32e5 907c d65c ab61 a1e0 b56b 130b : 373b",
        "check    6723 ca64 868f 6446",
    ];
    assert_eq!(lines[8..], golden);
    assert_eq!(lines.len(), 12);
    assert!(lines.iter().all(|line| line.len() <= 100 && line.is_ascii()));
}

#[test]
fn shares_restore_and_write_a_key_file() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("keys");
    let made = keygen(&dir, UNIX_EPOCH, &mut system_random).unwrap();
    let source = KeySource::dir(&dir);
    let shares = split(&source, Role::Index, &mut file::no_passphrase, 3, 5, &mut system_random).unwrap();
    let before = fs::read(dir.join("index.key")).unwrap();

    let restored = restore(&pick(&shares, &[4, 0, 2])).unwrap();
    assert_eq!((restored.role(), restored.id(), restored.created()), (Role::Index, made[1].id, 0));
    let error = restored.write(&dir, None, &mut system_random).unwrap_err();
    assert!(matches!(error, KeyError::Exists { .. }), "{error}");
    let elsewhere = place.path().join("restored");
    let path = restored.write(&elsewhere, None, &mut system_random).unwrap();
    assert_eq!(fs::read(path).unwrap(), before);
    assert_eq!(IndexKey::load_from_dir(&elsewhere).unwrap().id(), made[1].id);
}

#[test]
fn a_restored_key_may_be_wrapped_at_once() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("keys");
    let restored = restore(&shares(7, 2, 2)).unwrap();
    let cost = KdfCost::new(64, 3, 1).unwrap();
    let short = Passphrase::new(b"short").unwrap();
    let error = restored.write(&dir, Some((&short, cost)), &mut system_random).unwrap_err();
    assert!(matches!(error, KeyError::Passphrase { source: PassphraseError::TooShort, .. }));
    assert!(!dir.exists());
    let passphrase = Passphrase::new(b"first passphrase").unwrap();
    restored.write(&dir, Some((&passphrase, cost)), &mut system_random).unwrap();
    let key = crate::Key::load_from(&KeySource::dir(&dir), &mut |_| Ok(passphrase.clone()));
    assert_eq!(key.map(|key: IndexKey| key.id()).unwrap(), restored.id());
}

#[test]
fn numbers_out_of_range_are_refused() {
    let source = KeySource::dir("no/such/place");
    for (needed, total) in [(0, 0), (1, 1), (1, 5), (3, 2), (2, 17), (17, 17), (255, 255)] {
        let made = split(&source, Role::Index, &mut file::no_passphrase, needed, total, &mut system_random);
        assert!(matches!(made, Err(ShareError::Numbers { .. })), "{needed} of {total}");
    }
}

#[test]
fn failing_randomness_makes_no_shares() {
    for draws in [0, 1, 20] {
        let mut left: i32 = draws;
        let mut failing = |buffer: &mut [u8]| {
            buffer.fill(9);
            left -= 1;
            if left < 0 { Err(RandomError::new("no entropy")) } else { Ok(()) }
        };
        let made = split_material(&material(7), 3, 5, &mut failing);
        assert!(matches!(made, Err(ShareError::Random(_))), "{draws}");
    }
}

#[test]
fn too_few_and_doubled_shares_are_refused() {
    let all = shares(7, 3, 5);
    assert!(matches!(restore(&[]), Err(ShareError::None)));
    let error = restore(&pick(&all, &[0, 3])).unwrap_err();
    assert!(matches!(error, ShareError::TooFew { have: 2, needed: 3 }));
    assert_eq!(error.to_string(), "2 shares were given and 3 are needed; find 1 more");
    let error = restore(&pick(&all, &[0, 3, 1, 3])).unwrap_err();
    assert!(matches!(error, ShareError::Twice { index: 4, positions: [1, 3] }), "{error}");
}

#[test]
fn a_share_of_another_set_is_named() {
    let (ours, theirs) = (shares(7, 3, 5), shares(8, 3, 5));
    let mut mixed = pick(&ours, &[0, 1, 2]);
    mixed.insert(1, copy(&theirs[3]));
    assert!(matches!(restore(&mixed), Err(ShareError::Mixed { positions }) if positions == [1]));
    // Another backup of the same key is another set: its points lie on other polynomials.
    mixed[1] = copy(&shares(7, 3, 5)[3]);
    assert!(matches!(restore(&mixed), Err(ShareError::Mixed { positions }) if positions == [1]));
    let even = [copy(&ours[0]), copy(&theirs[1]), copy(&ours[2]), copy(&theirs[3])];
    assert!(matches!(restore(&even), Err(ShareError::Several { sets: 2 })));
}

#[test]
fn an_altered_share_is_named_once_there_are_enough_good_ones() {
    let all = shares(7, 3, 5);
    let mut given = pick(&all, &[0, 1, 2]);
    given[1] = altered(&given[1]);
    assert!(matches!(restore(&given), Err(ShareError::Wrong)));
    given.push(copy(&all[3]));
    assert!(matches!(restore(&given), Err(ShareError::Altered { positions }) if positions == [1]));
    // A date that was changed everywhere alike leaves the secret right, and is found all the same.
    let mut dated = pick(&all, &[0, 1, 2]);
    for share in &mut dated {
        share.set.created += 1;
    }
    assert!(matches!(restore(&dated), Err(ShareError::Altered { positions }) if positions == [0, 1, 2]));
}

#[test]
fn typing_is_forgiven_what_does_not_matter() {
    let share = &shares(7, 2, 3)[0];
    let text = share.to_text();
    let said = text.lines().filter(|line| !line.starts_with('#'));
    let said: Vec<String> = said.map(|line| line.to_uppercase().replace("    ", " ")).collect();
    let typed = format!("\n  {}  ", said.join("  \r\n\n  "));
    assert_eq!(*Share::parse(&typed).unwrap().to_text(), *text);
    let joined = text.replace(" : ", ":");
    assert_eq!(*Share::parse(&joined).unwrap().to_text(), *text);
}

#[test]
fn other_texts_are_refused() {
    let share = shares(7, 2, 3)[0].to_text();
    let second = share.replace("share 1\n", "share 2\n");
    assert!(matches!(Share::parse(&second), Err(ShareError::NewerVersion { found: 2, supported: 1 })));
    for text in ["", "SALTKEY\n", "saltprint key share", "saltprint key share one\n", &" ".repeat(20_000)] {
        assert!(matches!(Share::parse(text), Err(ShareError::NotAShare)), "{text:?}");
    }
    let lines: Vec<&str> = share.lines().collect();
    for left_out in 3..lines.len() {
        let text = [&lines[..left_out], &lines[left_out + 1..]].concat().join("\n");
        // The second line of data in the place of the first reads like a slip.
        let found = Share::parse(&text);
        assert!(matches!(found, Err(ShareError::Line { .. } | ShareError::Slip { .. })), "{left_out}");
    }
    let long = format!("{}more\n", *share);
    assert!(matches!(Share::parse(&long), Err(ShareError::Line { line: 13, .. })));
}

#[test]
fn debug_shows_no_data() {
    let all = shares(7, 2, 2);
    let data = groups_of(&all[0]);
    let debug = format!("{:?}", all[0]);
    assert!(debug.contains("index: 1") && !debug.contains(&data) && !debug.contains("data"), "{debug}");
    assert_eq!(format!("{:?}", restore(&all).unwrap()), "RestoredKey");
}

fn groups_of(share: &Share) -> String {
    format!("{:?}", share.data.expose())
}

#[test]
fn subsets_are_all_and_each_once() {
    let found: Vec<_> = subsets(5, 3).collect();
    assert_eq!(found.len(), 10);
    assert_eq!((&found[0], &found[9]), (&vec![0, 1, 2], &vec![2, 3, 4]));
    assert!(found.is_sorted());
    assert_eq!(subsets(16, 8).count(), 12_870);
    assert_eq!(subsets(2, 3).count(), 0);
    assert_eq!(subsets(3, 3).count(), 1);
}

/// Coefficients are drawn over the whole field, zero included: over many backups one share's byte takes every value. A
/// scheme without zero never shows the secret's own byte there (RUSTSEC-2024-0398 in another crate).
#[test]
fn a_single_share_excludes_no_value_of_the_secret() {
    let mut seen = [false; 256];
    let mut seed = 0_u64;
    let mut random = |buffer: &mut [u8]| {
        seed += 1;
        let stream = blake3::hash(&seed.to_le_bytes());
        buffer.copy_from_slice(&stream.as_bytes()[..buffer.len()]);
        Ok(())
    };
    for _ in 0..100 {
        let shares = split_material(&material(7), 2, 2, &mut random).unwrap();
        for byte in shares[0].data.expose() {
            seen[usize::from(*byte)] = true;
        }
    }
    assert!(seen.iter().all(|seen| *seen), "{:?}", seen.iter().position(|seen| !seen));
}

/// A number of shares that restore, one of all, the key, and who gives his.
fn backup() -> impl Strategy<Value = (u8, u8, Vec<usize>)> {
    (2_u8..=6).prop_flat_map(|needed| (Just(needed), needed..=8)).prop_flat_map(|(needed, total)| {
        let given = subsequence((0..usize::from(total)).collect::<Vec<_>>(), usize::from(needed));
        (Just(needed), Just(total), given.prop_shuffle())
    })
}

proptest! {
    #[test]
    fn any_k_of_n_restore_and_fewer_do_not(
        secret: [u8; 32],
        (needed, total, given) in backup(),
        role in 0_usize..4,
    ) {
        let role = Role::ALL[role];
        let material = Material { role, key: RoleKey::from_secret(role, &secret), created: 5 };
        let all = split_material(&material, needed, total, &mut system_random).unwrap();
        prop_assert_eq!(all.len(), usize::from(total));
        let given = pick(&all, &given);
        let typed: Vec<Share> =
            given.iter().map(|share| Share::parse(&share.to_text()).unwrap()).collect();
        let restored = restore(&typed).unwrap();
        prop_assert_eq!(restored.0.key.expose(), &secret);
        prop_assert_eq!((restored.role(), restored.created()), (role, 5));

        let few = matches!(restore(&typed[1..]), Err(ShareError::TooFew { .. }));
        prop_assert!(few);
        // Nor when they lie about how many are needed.
        if needed > 2 {
            let mut liars = pick(&typed, &(1..typed.len()).collect::<Vec<_>>());
            for share in &mut liars {
                share.set.needed -= 1;
            }
            prop_assert!(matches!(restore(&liars), Err(ShareError::Wrong)));
        }
    }

    #[test]
    fn a_changed_character_is_found(position in 0_usize..600, other in "[ -~]") {
        let share = &shares(7, 2, 3)[1];
        let text = share.to_text();
        let Some((at, old)) = text.char_indices().nth(position) else { return Ok(()) };
        let changed = format!("{}{other}{}", &text[..at], &text[at + old.len_utf8()..]);
        match Share::parse(&changed) {
            // What does not matter may change: comments, spaces, case.
            Ok(read) => prop_assert_eq!(&*read.to_text(), &*text),
            Err(error) => prop_assert!(
                matches!(
                    error,
                    ShareError::Line { .. } | ShareError::Slip { .. } | ShareError::Checksum
                        | ShareError::NotAShare | ShareError::NewerVersion { .. }
                ),
                "{}", error
            ),
        }
    }

    #[test]
    fn arbitrary_texts_never_pass(text in "(saltprint key share 1\n)?[ -~\n]{0,400}") {
        prop_assert!(Share::parse(&text).is_err());
    }
}

/// A wrong digit in the data names its line.
#[test]
fn a_slip_in_the_data_names_its_line() {
    let text = shares(7, 2, 3)[0].to_text();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains(" : ")) {
        for (at, digit) in line.char_indices().filter(|(at, digit)| *at > 8 && digit.is_ascii_hexdigit()) {
            let wrong = if digit == '7' { "8" } else { "7" };
            let slipped = format!("{}{wrong}{}", &line[..at], &line[at + 1..]);
            let changed = text.replace(line, &slipped);
            let found = Share::parse(&changed);
            assert!(matches!(found, Err(ShareError::Slip { line }) if line == number + 1), "{slipped}");
        }
    }
}
