//! Memory for secrets: pages of their own, locked and left out of core dumps where the system allows.
//!
//! A lock holds for whole pages, and two locks on one page do not count. So secrets do not lie on the heap, where a
//! neighbour's unlocking would unlock them too, but in pages that hold nothing else and stay locked until the process
//! ends. A page is cut into slots; a slot that is free again was wiped before. This needs no `unsafe`: a page that is
//! never given back may be borrowed for ever.

use std::{
    fmt, io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use memmap2::MmapMut;
use zeroize::Zeroize as _;

use crate::secret::SECRET_LEN;

/// What the system granted for a piece of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// It is never written to swap.
    pub(crate) locked: bool,
    /// It is left out of core dumps.
    pub(crate) undumped: bool,
}

impl Grant {
    const NONE: Self = Self { locked: false, undumped: false };
}

/// Pages of their own, wiped on drop.
pub(crate) struct Region {
    map: MmapMut,
    grant: Grant,
}

impl Region {
    /// Takes whole pages for at least `len` bytes, zeroed, and protects them as far as the system allows.
    pub(crate) fn new(len: usize) -> io::Result<Self> {
        let map = MmapMut::map_anon(len.next_multiple_of(page_size()))?;
        let grant = Grant { locked: map.lock().is_ok(), undumped: exclude_from_dumps(&map) };
        Ok(Self { map, grant })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        self.map.zeroize();
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Region")
    }
}

#[cfg(target_os = "linux")]
fn exclude_from_dumps(map: &MmapMut) -> bool {
    map.advise(memmap2::Advice::DontDump).is_ok()
}

/// Elsewhere no such advice exists; there core dumps are off as a whole, or not at all.
#[cfg(not(target_os = "linux"))]
fn exclude_from_dumps(_map: &MmapMut) -> bool {
    false
}

fn page_size() -> usize {
    rustix::param::page_size()
}

/// Room for one secret, wiped on drop.
pub(crate) struct Slot {
    /// Is `None` only while the slot is being dropped.
    bytes: Option<&'static mut [u8; SECRET_LEN]>,
    grant: Grant,
}

impl Slot {
    /// Lets `fill` write the secret straight into its place.
    pub(crate) fn init_with(fill: impl FnOnce(&mut [u8; SECRET_LEN])) -> Self {
        let mut slot = Self::free();
        if let Some(bytes) = &mut slot.bytes {
            fill(bytes);
        }
        slot
    }

    pub(crate) fn expose(&self) -> &[u8; SECRET_LEN] {
        self.bytes.as_deref().expect("a slot has its bytes until it is dropped")
    }

    pub(crate) fn grant(&self) -> Grant {
        self.grant
    }

    fn free() -> Self {
        let mut arena = arena();
        loop {
            if let Some((bytes, grant)) = arena.free.pop() {
                return Self { bytes: Some(bytes), grant };
            }
            arena.grow();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            bytes.zeroize();
            arena().free.push((bytes, self.grant));
        }
    }
}

/// Sees to it that at least `pages` pages of slots exist, and returns what all of the free ones have in common.
pub(crate) fn reserve(pages: usize) -> Grant {
    let mut arena = arena();
    while arena.pages < pages {
        arena.grow();
    }
    let common = |common: Grant, (_, grant): &(_, Grant)| Grant {
        locked: common.locked && grant.locked,
        undumped: common.undumped && grant.undumped,
    };
    arena.free.iter().fold(Grant { locked: true, undumped: true }, common)
}

/// The free slots of the process.
struct Arena {
    free: Vec<(&'static mut [u8; SECRET_LEN], Grant)>,
    pages: usize,
}

static ARENA: Mutex<Arena> = Mutex::new(Arena { free: Vec::new(), pages: 0 });

fn arena() -> MutexGuard<'static, Arena> {
    // Nothing in here panics half-way through a change, so a poisoned arena is a whole one.
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Arena {
    fn grow(&mut self) {
        let (bytes, grant) = match Region::new(1) {
            Ok(region) => {
                let region = Box::leak(Box::new(region));
                (region.map.as_mut(), region.grant)
            }
            // A process that gets no page gets no heap either, as a rule; where it does, the secret has a place, and the
            // grant tells that it is not protected.
            Err(_) => (vec![0; page_size()].leak(), Grant::NONE),
        };
        let (slots, _) = bytes.as_chunks_mut::<SECRET_LEN>();
        self.free.extend(slots.iter_mut().map(|slot| (slot, grant)));
        self.pages += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_slot_is_wiped_before_it_serves_again() {
        let first = Slot::init_with(|bytes| bytes.fill(0xaa));
        assert_eq!(first.expose(), &[0xaa; SECRET_LEN]);
        drop(first);
        // All that is free at this moment, whoever used it before.
        for (bytes, _) in &arena().free {
            assert_eq!(**bytes, [0; SECRET_LEN]);
        }
    }

    #[test]
    fn live_slots_never_share_bytes() {
        let fill = |byte: u8| (0..200).map(move |_| Slot::init_with(|bytes| bytes.fill(byte)));
        let threads: Vec<_> =
            (1..=4).map(|byte| thread::spawn(move || (byte, fill(byte).collect::<Vec<_>>()))).collect();
        for thread in threads {
            let (byte, slots) = thread.join().unwrap();
            assert!(slots.iter().all(|slot| slot.expose() == &[byte; SECRET_LEN]));
        }
    }

    #[test]
    fn regions_are_whole_pages_of_zeros() {
        let mut region = Region::new(5000).unwrap();
        assert_eq!(region.bytes().len() % page_size(), 0);
        assert!(region.bytes().len() >= 5000 && region.bytes().iter().all(|&byte| byte == 0));
        region.bytes_mut()[4999] = 1;
        assert_eq!(format!("{region:?}"), "Region");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_leaves_secrets_out_of_dumps() {
        assert!(Slot::init_with(|_| ()).grant().undumped);
        // Every memory area of the process is listed with its flags: `dd` is "do not dump", `lo` is "locked".
        let region = Region::new(1).unwrap();
        let start = format!("{:x}-", region.bytes().as_ptr().addr());
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        // Areas of equal flags that touch are merged, so ours may begin earlier.
        if let Some(area) = maps.split(&start).nth(1) {
            let flags = area.lines().find(|line| line.starts_with("VmFlags")).unwrap();
            assert!(flags.contains(" dd"), "{flags}");
            assert_eq!(flags.contains(" lo"), region.grant.locked, "{flags}");
        }
    }
}
