//! Offline backup of a key in n shares, any k of which restore it.
//!
//! The sharing is Shamir's over GF(2^8), byte by byte. A share says which key and which set it belongs to, has checksums that
//! find slips of the pen, and a MAC under the secret itself, by which a share that was altered on purpose is found
//! once the key is restored. `FORMAT.md` defines the text.

mod error;
mod text;

use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
};

use rand_core::{TryCryptoRng, TryRng};
use subtle::ConstantTimeEq as _;
use vsss_rs::Gf256;
use zeroize::Zeroizing;

pub use self::error::ShareError;
use self::text::TextFault;
use crate::{
    contexts::Context,
    error::{KeyError, RandomError},
    file::{self, Material, writing},
    ids::KeyId,
    kdf::KdfCost,
    keygen::{Undo, prepare_directory},
    memory::Slot,
    passphrase::{Passphrase, PassphraseError},
    protection::encode_wrapped,
    roles::{Role, RoleKey},
    secret::SECRET_LEN,
    source::KeySource,
};

/// Fewest shares that restore a key: one would be the key itself.
pub(crate) const MIN_NEEDED: u8 = 2;
/// Most shares of a key.
pub(crate) const MAX_TOTAL: u8 = 16;

const MAC_LEN: usize = 16;

/// What all shares of one set have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Set {
    role: Role,
    id: KeyId,
    /// When the key was made, in seconds since 1970.
    created: u64,
    /// Random: two backups of one key do not mix.
    nonce: [u8; 8],
    needed: u8,
    total: u8,
}

/// One share of a key: a secret, though alone it opens nothing. Its `Debug` shows no data.
///
/// [`to_text`](Self::to_text) is what to print or to write down, [`parse`](Self::parse) reads it again.
pub struct Share {
    set: Set,
    /// From 1 to `set.total`.
    index: u8,
    data: Slot,
    mac: [u8; MAC_LEN],
}

impl Share {
    /// What the key is for.
    pub fn role(&self) -> Role {
        self.set.role
    }

    /// Public id of the key.
    pub fn key_id(&self) -> KeyId {
        self.set.id
    }

    /// Number of the share in its set, from 1.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// How many shares restore the key.
    pub fn needed(&self) -> u8 {
        self.set.needed
    }

    /// How many shares there are.
    pub fn total(&self) -> u8 {
        self.set.total
    }

    /// The share as text of some ten lines, for paper; wiped on drop.
    pub fn to_text(&self) -> Zeroizing<String> {
        text::write(self)
    }

    /// Reads a share from its text. Case, spacing, blank lines and lines that begin with `#` do not matter.
    ///
    /// # Errors
    ///
    /// [`ShareError::NotAShare`], [`ShareError::NewerVersion`]; [`ShareError::Line`] or [`ShareError::Slip`] with the line;
    /// [`ShareError::Checksum`] where no single line can be blamed.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        text::parse(text).map_err(|fault| match fault {
            TextFault::NotAShare => ShareError::NotAShare,
            TextFault::NewerVersion(found) => ShareError::NewerVersion { found, supported: text::VERSION },
            TextFault::Line { line, wanted } => ShareError::Line { line, wanted },
            TextFault::Slip { line } => ShareError::Slip { line },
            TextFault::Checksum => ShareError::Checksum,
        })
    }

    /// Everything that the MAC covers.
    fn message(&self) -> Zeroizing<Vec<u8>> {
        let mut message = Zeroizing::new(Vec::with_capacity(36 + SECRET_LEN + MAC_LEN));
        message.extend_from_slice(&[text::VERSION, self.set.role.byte()]);
        message.extend_from_slice(self.set.id.as_bytes());
        message.extend_from_slice(&self.set.created.to_le_bytes());
        message.extend_from_slice(&self.set.nonce);
        message.extend_from_slice(&[self.index, self.set.needed, self.set.total]);
        message.extend_from_slice(self.data.expose());
        message
    }

    fn is_authentic(&self, key: &RoleKey) -> bool {
        key.derive(Context::KEY_SHARE_MAC, &[]).verify(&[&self.message()], &self.mac)
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("set", &self.set).field("index", &self.index).finish_non_exhaustive()
    }
}

/// Splits the key of `role` into `total` shares, any `needed` of which restore it.
///
/// Fewer tell nothing of the secret, save that a guess can be tested, as by the key id. `passphrase` is asked only if the
/// key is wrapped; the shares are not: whoever has enough of them has the key. `random` fills a buffer with random
/// bytes, usually [`system_random`](crate::system_random).
///
/// # Errors
///
/// [`ShareError::Numbers`] unless 2 <= `needed` <= `total` <= 16; [`ShareError::Key`], [`ShareError::Random`].
///
/// ```
/// use std::time::SystemTime;
///
/// use saltprint_keys::{KeySource, PassphraseError, Role, Share, keygen, restore, split, system_random};
///
/// # let place = tempfile::tempdir()?;
/// # let dir = place.path().join("keys");
/// let keys = keygen(&dir, SystemTime::now(), &mut system_random)?;
/// let mut nobody = |_role| Err(PassphraseError::NotGiven);
/// let shares = split(&KeySource::dir(&dir), Role::Index, &mut nobody, 2, 3, &mut system_random)?;
/// let papers: Vec<_> = shares.iter().map(Share::to_text).collect();
///
/// let typed = [Share::parse(&papers[2])?, Share::parse(&papers[0])?];
/// let key = restore(&typed)?;
/// assert_eq!(key.id(), keys[1].id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn split(
    source: &KeySource,
    role: Role,
    passphrase: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    needed: u8,
    total: u8,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<Vec<Share>, ShareError> {
    if !(MIN_NEEDED <= needed && needed <= total && total <= MAX_TOTAL) {
        return Err(ShareError::Numbers { needed, total });
    }
    split_material(&file::load(&source.place(role), role, passphrase)?, needed, total, random)
}

fn split_material(
    material: &Material,
    needed: u8,
    total: u8,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<Vec<Share>, ShareError> {
    let mut nonce = [0; 8];
    random(&mut nonce)?;
    let Material { role, key, created } = material;
    let set = Set { role: *role, id: key.id(), created: *created, nonce, needed, total };

    let mut source = Source { random, failed: None };
    let points = Gf256::split_bytes(needed.into(), total.into(), key.expose(), &mut source);
    if let Some(error) = source.failed {
        return Err(error.into());
    }
    // Numbers are checked above and a secret has bytes, so only a fault of the library would end here.
    let points = Zeroizing::new(points.map_err(|_| ShareError::Numbers { needed, total })?);

    let mac = key.derive(Context::KEY_SHARE_MAC, &[]);
    let share = |(index, point): (u8, &Vec<u8>)| {
        // The first byte of a point is where the polynomial was taken.
        let data: &[u8; SECRET_LEN] = point.strip_prefix(&[index])?.try_into().ok()?;
        let data = Slot::init_with(|bytes| bytes.copy_from_slice(data));
        let mut share = Share { set, index, data, mac: [0; MAC_LEN] };
        share.mac = mac.mac(&[&share.message()]);
        Some(share)
    };
    (1..=total)
        .zip(points.iter())
        .map(|point| share(point).ok_or(ShareError::Numbers { needed, total }))
        .collect()
}

/// Our source of randomness as the library wants it, which knows no failure: a failure is kept, and what came of it is
/// thrown away.
struct Source<'a> {
    random: &'a mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
    failed: Option<RandomError>,
}

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = Zeroizing::new([0; 4]);
        self.try_fill_bytes(bytes.as_mut_slice())?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = Zeroizing::new([0; 8]);
        self.try_fill_bytes(bytes.as_mut_slice())?;
        Ok(u64::from_le_bytes(*bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        if self.failed.is_none() {
            self.failed = (self.random)(buffer).err();
        }
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

/// A key that shares gave back.
pub struct RestoredKey(Material);

impl RestoredKey {
    /// What the key is for.
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// Its public id, which the shares named too.
    pub fn id(&self) -> KeyId {
        self.0.key.id()
    }

    /// When it was made, in seconds since 1970.
    pub fn created(&self) -> u64 {
        self.0.created
    }

    /// Writes it to its file in `dir`, wrapped if there is a passphrase; never over a file that exists. The directory is
    /// made if need be, as [`keygen`](crate::keygen) makes it.
    ///
    /// # Errors
    ///
    /// [`KeyError::Exists`], [`KeyError::Passphrase`] for a passphrase under [`Passphrase::MIN_NEW_LEN`],
    /// [`KeyError::NotADirectory`], [`KeyError::DirectoryPermissions`], [`KeyError::OutOfMemory`], [`KeyError::Random`],
    /// [`KeyError::Io`].
    pub fn write(
        &self,
        dir: &Path,
        passphrase: Option<(&Passphrase, KdfCost)>,
        random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
    ) -> Result<PathBuf, KeyError> {
        let path = dir.join(self.role().file_name());
        let mut undo = Undo::default();
        let made = |undo: &mut Undo| undo.files.push(path.clone());
        match passphrase {
            None => {
                let bytes = file::encode(self.role(), &self.0.key, self.0.created);
                prepare_directory(dir, &mut undo)?;
                writing::write_new(&path, bytes.as_slice(), || made(&mut undo))?;
            }
            Some((passphrase, cost)) => {
                passphrase
                    .check_new()
                    .map_err(|source| KeyError::Passphrase { path: path.clone(), source })?;
                let bytes = encode_wrapped(&path, &self.0, passphrase, cost, random)?;
                prepare_directory(dir, &mut undo)?;
                writing::write_new(&path, &bytes, || made(&mut undo))?;
            }
        }
        writing::sync_directory(dir)?;
        undo.cancel();
        Ok(path)
    }
}

impl fmt::Debug for RestoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RestoredKey")
    }
}

/// Restores a key from shares of one set, in any order; more than are needed are welcome, since they tell a wrong one.
///
/// The restored secret must have the key id that the shares name, and then every share given must have a MAC that fits.
///
/// # Errors
///
/// [`ShareError`], with the positions of the shares to blame where that can be told.
pub fn restore(shares: &[Share]) -> Result<RestoredKey, ShareError> {
    let set = common_set(shares)?;
    for (position, share) in shares.iter().enumerate() {
        if let Some(first) = shares[..position].iter().position(|other| other.index == share.index) {
            return Err(ShareError::Twice { index: share.index, positions: [first, position] });
        }
    }
    // No overflow: with at most one share an index there are at most 255.
    let have = u8::try_from(shares.len()).unwrap_or(u8::MAX);
    if have < set.needed {
        return Err(ShareError::TooFew { have, needed: set.needed });
    }

    let key = subsets(shares.len(), set.needed.into())
        .find_map(|chosen| combine(&set, chosen.iter().map(|&position| &shares[position])))
        .ok_or(ShareError::Wrong)?;
    let altered: Vec<usize> =
        (0..shares.len()).filter(|&position| !shares[position].is_authentic(&key)).collect();
    if !altered.is_empty() {
        return Err(ShareError::Altered { positions: altered });
    }
    Ok(RestoredKey(Material { role: set.role, key, created: set.created }))
}

/// The set of all shares, or who is to blame that there is none.
fn common_set(shares: &[Share]) -> Result<Set, ShareError> {
    let mut counts: HashMap<Set, usize> = HashMap::new();
    for share in shares {
        *counts.entry(share.set).or_default() += 1;
    }
    let (set, most) = counts.iter().max_by_key(|(_, count)| **count).ok_or(ShareError::None)?;
    if counts.len() == 1 {
        return Ok(*set);
    }
    if 2 * most <= shares.len() {
        return Err(ShareError::Several { sets: counts.len() });
    }
    let foreign = (0..shares.len()).filter(|&position| shares[position].set != *set);
    Err(ShareError::Mixed { positions: foreign.collect() })
}

/// The key, if these shares restore the one that they name.
fn combine<'a>(set: &Set, shares: impl Iterator<Item = &'a Share>) -> Option<RoleKey> {
    let points: Zeroizing<Vec<Vec<u8>>> = Zeroizing::new(
        shares.map(|share| [&[share.index], share.data.expose().as_slice()].concat()).collect(),
    );
    let secret = Zeroizing::new(Gf256::combine_bytes(points.as_slice()).ok()?);
    let key = RoleKey::from_secret(set.role, secret.as_slice().try_into().ok()?);
    bool::from(key.id().as_bytes().ct_eq(set.id.as_bytes())).then_some(key)
}

/// Every choice of `size` positions out of `count`, in order. With at most 16 shares there are at most 12,870.
fn subsets(count: usize, size: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut next = (size <= count).then(|| (0..size).collect::<Vec<_>>());
    std::iter::from_fn(move || {
        let current = next.take()?;
        // The last place that can move up moves up by one, and those behind it follow it closely.
        let place = (0..size).rev().find(|&place| current[place] < count - size + place);
        next = place.map(|place| {
            let mut following = current.clone();
            let start = current[place] + 1;
            for (offset, value) in following[place..].iter_mut().enumerate() {
                *value = start + offset;
            }
            following
        });
        Some(current)
    })
}

#[cfg(test)]
mod tests;
