//! Key files, plain and wrapped, and shares of keys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use saltprint_keys::{
    AuditKey, IndexKey, KeyPlace, KeySource, PassphraseError, ProjectionKey, RefKey, Role, Share, key_status,
    keygen, restore, split,
};

use crate::{patch, scratch};

pub(crate) const WORDS: &[&[u8]] = &[
    b"SALTKEY\n",
    b"SALTWRAP",
    b"saltprint key share 1\n",
    b"role     index\n",
    b"key      ",
    b"created  ",
    b"set      ",
    b"share    1 of 3, 2 needed\n",
    b"data     ",
    b"mac      ",
    b"check    ",
    b" : ",
    b"# ",
    b"fd:",
    b"credential",
];

const PLAIN_LEN: usize = 104;
const WRAPPED_LEN: usize = 224;

/// A good plain key file of the index role, and the shares of that key: any two of three.
static GOOD: LazyLock<(Vec<u8>, Vec<String>)> = LazyLock::new(|| {
    let folder = scratch::folder();
    let dir = folder.path().join("keys");
    let mut counter = 0_u8;
    let mut random = |buffer: &mut [u8]| {
        counter = counter.wrapping_add(1);
        buffer.fill(counter);
        Ok(())
    };
    keygen(&dir, UNIX_EPOCH + Duration::from_secs(1_795_000_000), &mut random).expect("a scratch folder");
    let mut nobody = |_| Err(PassphraseError::NotGiven);
    let shares =
        split(&KeySource::dir(&dir), Role::Index, &mut nobody, 2, 3, &mut random).expect("a key in clear");
    let file = fs::read(dir.join(Role::Index.file_name())).expect("it was made");
    (file, shares.iter().map(|share| share.to_text().to_string()).collect())
});

/// The first byte says what the rest is.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    let (file, shares) = &*GOOD;
    match mode % 7 {
        0 => drop(load(rest)),
        1 => {
            let mut changed = file.clone();
            patch::apply(&mut changed, rest);
            assert_eq!(load(&changed).is_some(), changed == *file, "a changed byte of a key file");
        }
        2 => check_plain(rest),
        3 => check_wrapped(rest),
        4 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                drop(check_share(text));
                check_place(text);
            }
        }
        5 => {
            let mut changed = shares[0].clone().into_bytes();
            patch::apply(&mut changed, rest);
            let Ok(changed) = String::from_utf8(changed) else { return };
            check_restore(&changed, &shares[0], &shares[1]);
        }
        _ => check_restore(&share_of(rest), &shares[0], &shares[1]),
    }
}

/// Loads a key file under each role, and gives the role and id that it has.
fn load(bytes: &[u8]) -> Option<(Role, String)> {
    let folder = scratch::folder();
    let path = folder.path().join("some.key");
    fs::write(&path, bytes).expect("a scratch folder");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a file of ours");
    let found = [
        ProjectionKey::load(&path).map(|key| (Role::Projection, key.id())),
        IndexKey::load(&path).map(|key| (Role::Index, key.id())),
        RefKey::load(&path).map(|key| (Role::Ref, key.id())),
        AuditKey::load(&path).map(|key| (Role::Audit, key.id())),
    ];
    for error in found.iter().filter_map(|result| result.as_ref().err()) {
        assert!(!error.to_string().is_empty());
    }
    let loaded: Vec<_> = found.into_iter().filter_map(Result::ok).collect();
    assert!(loaded.len() <= 1, "one key file of several roles");
    let (role, id) = loaded.into_iter().next()?;
    check_status(&path, role, &id.to_string());
    Some((role, id.to_string()))
}

/// What is told without the secret is what loading found.
fn check_status(path: &Path, role: Role, id: &str) {
    let source = KeySource::dir("no/such/folder").with(role, KeyPlace::File(path.into()));
    let status = key_status(&source).into_iter().find(|status| status.role == role).expect("all roles");
    let info = status.found.expect("a key that loads has a status").expect("a file");
    assert_eq!(info.id.to_string(), id);
}

/// A plain key file whose checks fit what the input says: role, reserved bytes, date and secret.
fn check_plain(fields: &[u8]) {
    let mut file = [0; PLAIN_LEN];
    file[10..].iter_mut().zip(fields).for_each(|(byte, field)| *byte = *field);
    file[..10].copy_from_slice(b"SALTKEY\n\x01\0");
    let (role, secret) = (file[10], file[40..72].to_vec());
    let id = blake3::derive_key("saltprint 2026-11 v1 any key id", &[&secret[..], &[role]].concat());
    file[16..32].copy_from_slice(&id[..16]);
    let mac = blake3::keyed_hash(
        &blake3::derive_key("saltprint 2026-11 v1 any key file mac", &secret),
        &file[..72],
    );
    file[72..].copy_from_slice(mac.as_bytes());
    let good = (1..=4).contains(&role) && file[11..16] == [0; 5];
    assert_eq!(load(&file).is_some(), good, "role {role}");
}

/// A wrapped key file whose checksum fits. Nobody knows a passphrase, so that the cost it states is never spent.
fn check_wrapped(fields: &[u8]) {
    let mut file = wrapped(fields);
    let folder = scratch::folder();
    let path = folder.path().join("some.key");
    for flip in [None, fields.first()] {
        if let Some(flip) = flip {
            file[usize::from(*flip) % WRAPPED_LEN] ^= 1;
        }
        fs::write(&path, file).expect("a scratch folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a file of ours");
        for role in Role::ALL {
            let source = KeySource::dir("no/such/folder").with(role, KeyPlace::File(path.clone()));
            let status = key_status(&source).into_iter().find(|status| status.role == role);
            let found = status.expect("all roles").found;
            assert!(flip.is_none() || found.is_err(), "a changed byte of a wrapped key file");
            let mut asked = 0;
            let mut nobody = |_| {
                asked += 1;
                Err(PassphraseError::NotGiven)
            };
            assert!(split(&source, role, &mut nobody, 2, 3, &mut |_| Ok(())).is_err());
            assert_eq!(
                asked > 0,
                found.is_ok(),
                "somebody was asked for the passphrase of a file that is of no use"
            );
        }
    }
}

fn wrapped(fields: &[u8]) -> [u8; WRAPPED_LEN] {
    let mut file = [0; WRAPPED_LEN];
    file[10..].iter_mut().zip(fields).for_each(|(byte, field)| *byte = *field);
    file[..10].copy_from_slice(b"SALTKEY\n\x02\0");
    let sum = blake3::derive_key("saltprint 2026-11 v1 any key wrap checksum", &file[..192]);
    file[192..].copy_from_slice(&sum);
    file
}

/// A share, if it is one; written again it is the same share.
fn check_share(text: &str) -> Option<Share> {
    let share = Share::parse(text).inspect_err(|error| assert!(!error.to_string().is_empty())).ok()?;
    let written = share.to_text();
    let again = Share::parse(&written).expect("what was written is read");
    assert_eq!(*again.to_text(), *written, "a share that was read is written otherwise");
    Some(share)
}

/// A share that was changed restores nothing together with a good one.
fn check_restore(text: &str, good: &str, other: &str) {
    let Some(share) = check_share(text) else { return };
    let same = *share.to_text() == good || *share.to_text() == other;
    let other = Share::parse(other).expect("a good share");
    let needed = share.needed();
    assert!((2..=share.total()).contains(&needed) && (1..=share.total()).contains(&share.index()));
    let restored = restore(&[share, other]);
    assert!(restored.is_err() || same, "a share that was changed restores a key");
}

fn check_place(text: &str) {
    let Ok(place) = text.parse::<KeyPlace>() else { return };
    assert_eq!(place.to_string().parse::<KeyPlace>().ok(), Some(place), "{text:?}");
}

/// The text of a share whose checks fit what the input says.
fn share_of(fields: &[u8]) -> String {
    let mut message = [0; 85];
    message.iter_mut().zip(fields).for_each(|(byte, field)| *byte = *field);
    let [role, index, needed, total] = [0, 1, 2, 3].map(|at| message[at]);
    let (id, created, set) = (&message[4..20], &message[20..28], &message[28..36]);
    let (data, mac) = (&message[36..68], &message[68..84]);
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let check =
        |parts: &[&[u8]]| blake3::derive_key("saltprint 2026-11 v1 any key share checksum", &parts.concat());
    let name = Role::ALL.get(usize::from(role).wrapping_sub(1)).map_or("other".to_owned(), Role::to_string);
    let date = u64::from_le_bytes(created.try_into().unwrap_or_default());
    let lines = [(1_u8, "data", &data[..16]), (2, "data", &data[16..]), (3, "mac", mac)].map(
        |(number, name, bytes)| {
            format!("{name} {} : {}\n", hex(bytes), hex(&check(&[&[number], bytes])[..2]))
        },
    );
    let numbers = [index, needed, total];
    let sum = check(&[&[1, role], id, created, set, &numbers, data, mac]);
    format!(
        "saltprint key share 1\nrole {name}\nkey {}\ncreated {date}\nset {}\nshare {index} of {total}, {needed} needed\n{}check {}\n",
        hex(id),
        hex(set),
        lines.concat(),
        hex(&sum[..8])
    )
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mode = |mode: u8, rest: &[u8]| [&[mode], rest].concat();
    let (file, shares) = &*GOOD;
    let mut seeds = vec![mode(0, file), mode(1, &[]), mode(5, &[])];
    seeds.extend((0..PLAIN_LEN).step_by(7).map(|at| mode(1, &patch::flip(at, 1))));
    seeds.extend((1..=5).map(|role| mode(2, &[&[role, 0, 0, 0, 0, 0][..], &[7; 56]].concat())));
    // Role, key derivation, reserved, id, date; then memory, passes, lanes.
    let cost = |memory: u32, passes: u32, lanes: u32| {
        let head = [[2, 1, 0, 0, 0, 0].as_slice(), &[3; 24]].concat();
        let cost = [memory, passes, lanes, 0].map(u32::to_le_bytes).concat();
        mode(3, &[head, cost, vec![5; 136]].concat())
    };
    seeds.extend([
        cost(65_536, 3, 1),
        cost(65_535, 3, 1),
        cost(u32::MAX, u32::MAX, u32::MAX),
        cost(2_097_152, 4, 16),
    ]);
    seeds.extend(shares.iter().map(|share| mode(4, share.as_bytes())));
    seeds.extend(["fd:3", "credential", "a/b.key", "fd:4294967296"].map(|text| mode(4, text.as_bytes())));
    seeds.extend([40, 100, 200, 300, 400].map(|at| mode(5, &patch::flip(at, 1))));
    seeds.push(mode(6, &[[2, 1, 2, 3].as_slice(), &[9; 80]].concat()));
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_keys_and_shares() {
        let (file, shares) = &*GOOD;
        assert_eq!(load(file).unwrap().0, Role::Index);
        let shares: Vec<_> = shares.iter().map(|share| check_share(share).unwrap()).collect();
        assert!(restore(&shares).is_ok());
        assert!(check_share(&share_of(&[[2, 1, 2, 3].as_slice(), &[9; 80]].concat())).is_some());
        assert!(
            check_share(&share_of(&[[2, 4, 2, 3].as_slice(), &[9; 80]].concat())).is_none(),
            "number 4 of 3"
        );
    }
}
