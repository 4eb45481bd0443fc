//! A disk that loses power: what was not synced is lost, kept, torn or zero, as the test asks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use super::{Handle, Name, Storage};

/// What a failing operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The process dies: this operation is half done, and none after it is done.
    Kill,
    /// This operation fails half done, and the process goes on. A failed sync forgets what it should have written, as Linux
    /// does.
    Once(io::ErrorKind),
}

/// What a crash makes of bytes that were written and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsynced {
    /// They are gone.
    Lost,
    /// They are there: only the process died.
    Kept,
    /// The first half of what changed is there.
    Torn,
    /// The length is there and the bytes are zero.
    Zero,
}

impl Unsynced {
    pub(crate) const ALL: [Self; 4] = [Self::Lost, Self::Kept, Self::Torn, Self::Zero];
}

#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    seen: Vec<u8>,
    /// Which bytes of `seen` a sync would write.
    dirty: Vec<bool>,
}

#[derive(Clone, Default)]
struct Disk {
    inodes: Vec<Inode>,
    durable_names: HashMap<Name, usize>,
    names: HashMap<Name, usize>,
    /// Operations that changed something so far.
    operations: usize,
    fails: Option<(usize, Failure)>,
    dead: bool,
}

/// A folder on such a disk. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Fake(Rc<RefCell<Disk>>);

impl Fake {
    /// Lets operation number `at`, counted from 0, fail.
    pub(crate) fn fail(&self, at: usize, failure: Failure) {
        self.0.borrow_mut().fails = Some((at, failure));
    }

    pub(crate) fn operations(&self) -> usize {
        self.0.borrow().operations
    }

    /// The disk as the next process finds it.
    pub(crate) fn crash(&self, unsynced: Unsynced, names_kept: bool) -> Self {
        let mut disk = self.0.borrow().clone();
        for inode in &mut disk.inodes {
            let Inode { durable, seen, .. } = inode;
            let after = match unsynced {
                Unsynced::Lost => durable.clone(),
                Unsynced::Kept => seen.clone(),
                Unsynced::Torn => {
                    let same = durable.iter().zip(&*seen).take_while(|(a, b)| a == b).count();
                    let cut = same + (seen.len() - same) / 2;
                    let rest = durable.get(cut..).unwrap_or_default();
                    [&seen[..cut], rest].concat()
                }
                Unsynced::Zero => {
                    let mut zero = durable.clone();
                    zero.resize(seen.len(), 0);
                    zero
                }
            };
            *inode = Inode { dirty: vec![false; after.len()], durable: after.clone(), seen: after };
        }
        if names_kept || unsynced == Unsynced::Kept {
            disk.durable_names = disk.names.clone();
        } else {
            disk.names = disk.durable_names.clone();
        }
        (disk.operations, disk.fails, disk.dead) = (0, None, false);
        Self(Rc::new(RefCell::new(disk)))
    }

    pub(crate) fn content(&self, name: Name) -> Option<Vec<u8>> {
        let disk = self.0.borrow();
        disk.names.get(&name).map(|&inode| disk.inodes[inode].seen.clone())
    }

    pub(crate) fn replace(&self, name: Name, content: &[u8]) {
        let handle = self.create(name).unwrap();
        handle.write_at(0, content).unwrap();
        handle.sync().unwrap();
        self.sync_folder().unwrap();
    }

    /// Whether any file, named or not, synced or not, has these bytes in it.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let within = |content: &[u8]| content.windows(bytes.len()).any(|window| window == bytes);
        self.0.borrow().inodes.iter().any(|inode| within(&inode.durable) || within(&inode.seen))
    }

    /// Counts an operation; the failure if it is the one that fails.
    fn operation(&self) -> Option<Failure> {
        let mut disk = self.0.borrow_mut();
        if disk.dead {
            return Some(Failure::Kill);
        }
        let number = disk.operations;
        disk.operations += 1;
        let failure = disk.fails.filter(|(at, _)| *at == number).map(|(_, failure)| failure);
        disk.dead = failure == Some(Failure::Kill);
        failure
    }

    fn dead(&self) -> bool {
        self.0.borrow().dead
    }
}

fn error(failure: Failure) -> io::Error {
    match failure {
        Failure::Kill => io::Error::other("dead"),
        Failure::Once(kind) => kind.into(),
    }
}

impl Storage for Fake {
    fn path(&self, name: Name) -> PathBuf {
        name.file().into()
    }

    fn open(&self, name: Name) -> io::Result<Box<dyn Handle>> {
        if self.dead() {
            return Err(error(Failure::Kill));
        }
        let inode = *self.0.borrow().names.get(&name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(FakeFile { disk: self.clone(), inode }))
    }

    fn create(&self, name: Name) -> io::Result<Box<dyn Handle>> {
        if let Some(failure) = self.operation() {
            return Err(error(failure));
        }
        let mut disk = self.0.borrow_mut();
        let inode = disk.inodes.len();
        disk.inodes.push(Inode::default());
        disk.names.insert(name, inode);
        Ok(Box::new(FakeFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        if let Some(failure) = self.operation() {
            return Err(error(failure));
        }
        let mut disk = self.0.borrow_mut();
        let inode = disk.names.remove(&from).ok_or(io::ErrorKind::NotFound)?;
        disk.names.insert(to, inode);
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        if let Some(failure) = self.operation() {
            return Err(error(failure));
        }
        let mut disk = self.0.borrow_mut();
        disk.durable_names = disk.names.clone();
        Ok(())
    }
}

struct FakeFile {
    disk: Fake,
    inode: usize,
}

impl FakeFile {
    fn change<T>(&self, change: impl FnOnce(&mut Inode) -> T) -> T {
        change(&mut self.disk.0.borrow_mut().inodes[self.inode])
    }
}

impl Handle for FakeFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.change(|inode| inode.seen.len() as u64))
    }

    /// At most 100 bytes at a time: short reads are normal.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let at = usize::try_from(at).unwrap();
        Ok(self.change(|inode| {
            let bytes = inode.seen.get(at..).unwrap_or_default();
            let count = bytes.len().min(buffer.len()).min(100);
            buffer[..count].copy_from_slice(&bytes[..count]);
            count
        }))
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if self.disk.dead() {
            return Err(error(Failure::Kill));
        }
        let failure = self.disk.operation();
        let bytes = if failure.is_some() { &bytes[..bytes.len() / 2] } else { bytes };
        let at = usize::try_from(at).unwrap();
        self.change(|inode| {
            let end = inode.seen.len().max(at + bytes.len());
            inode.seen.resize(end, 0);
            inode.dirty.resize(end, true);
            inode.seen[at..at + bytes.len()].copy_from_slice(bytes);
            inode.dirty[at..at + bytes.len()].fill(true);
        });
        failure.map_or(Ok(()), |failure| Err(error(failure)))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if let Some(failure) = self.disk.operation() {
            return Err(error(failure));
        }
        let len = usize::try_from(len).unwrap();
        self.change(|inode| {
            inode.seen.resize(len, 0);
            inode.dirty.resize(len, true);
        });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        match self.disk.operation() {
            Some(Failure::Kill) => Err(error(Failure::Kill)),
            Some(failure) => {
                self.change(|inode| inode.dirty.fill(false));
                Err(error(failure))
            }
            None => {
                self.change(|inode| {
                    let Inode { durable, seen, dirty } = inode;
                    durable.resize(seen.len(), 0);
                    for ((durable, seen), dirty) in durable.iter_mut().zip(&*seen).zip(&mut *dirty) {
                        if std::mem::take(dirty) {
                            *durable = *seen;
                        }
                    }
                });
                Ok(())
            }
        }
    }

    fn foreign_mode(&self) -> io::Result<u32> {
        Ok(0)
    }
}
