//! Where the keys of a process come from.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use thiserror::Error;

use crate::{error::KeyError, file::reading::Policy, roles::Role};

/// The variable in which the service manager names the folder of a service's credentials.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// Which of the keys of a role: beside the one in use there may be its successor and its predecessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAge {
    /// Made, and not in use yet.
    Next,
    /// In use.
    Present,
    /// In use before; it opens what was sealed then.
    Previous,
}

impl KeyAge {
    /// All of them, newest first.
    pub const ALL: [Self; 3] = [Self::Next, Self::Present, Self::Previous];

    /// The path of the key of this age, where that of the present one is `present`: `index.next.key` beside `index.key`.
    pub(crate) fn path_beside(self, present: &Path) -> PathBuf {
        let mut name = present.file_stem().unwrap_or_default().to_owned();
        match self {
            Self::Present => return present.into(),
            Self::Next | Self::Previous => name.push(format!(".{self}")),
        }
        if let Some(extension) = present.extension() {
            name.push(".");
            name.push(extension);
        }
        present.with_file_name(name)
    }
}

impl fmt::Display for KeyAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Next => "next",
            Self::Present => "present",
            Self::Previous => "previous",
        })
    }
}

/// Where one key comes from.
///
/// Its text form is `fd:N`, `credential`, or the path of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyPlace {
    /// A key file of mode 0600 or less.
    File(PathBuf),
    /// The credential `saltprint-<role>.key` of a systemd service, as `LoadCredential=` or `LoadCredentialEncrypted=` make
    /// it. Its folder is named by `$CREDENTIALS_DIRECTORY`.
    Credential,
    /// The credential of the next or the previous key, `saltprint-<role>.next.key` or `saltprint-<role>.previous.key`. No
    /// configuration names it: it is the [`sibling`](Self::sibling) of [`Credential`](Self::Credential).
    CredentialOf(KeyAge),
    /// An open descriptor that this process was started with: 0, or 3 and up. It is read to its end, once, through
    /// `/dev/fd`, which on Linux needs `/proc`.
    Descriptor(u32),
}

impl KeyPlace {
    /// Where the key of another age is, if this is where the present one is; `None` for a descriptor, which holds one key.
    ///
    /// ```
    /// use saltprint_keys::{KeyAge, KeyPlace};
    ///
    /// let present = KeyPlace::File("keys/index.key".into());
    /// assert_eq!(present.sibling(KeyAge::Next), Some(KeyPlace::File("keys/index.next.key".into())));
    /// assert_eq!(KeyPlace::Descriptor(3).sibling(KeyAge::Next), None);
    /// ```
    pub fn sibling(&self, age: KeyAge) -> Option<Self> {
        match (self, age) {
            (_, KeyAge::Present) => Some(self.clone()),
            (Self::File(path), _) => Some(Self::File(age.path_beside(path))),
            (Self::Credential | Self::CredentialOf(_), _) => Some(Self::CredentialOf(age)),
            (Self::Descriptor(_), _) => None,
        }
    }

    /// The path to open, and what to ask of it.
    pub(crate) fn resolve(&self, role: Role) -> Result<(PathBuf, Policy), KeyError> {
        match self {
            Self::File(path) => Ok((path.clone(), Policy::File)),
            Self::Credential => Self::CredentialOf(KeyAge::Present).resolve(role),
            Self::CredentialOf(age) => {
                let dir = env::var_os(CREDENTIALS_VARIABLE).ok_or(KeyError::NoCredentials { role })?;
                let path = credential_path(Path::new(&dir), role);
                Ok((age.path_beside(&path), Policy::Credential))
            }
            Self::Descriptor(descriptor) => Ok((descriptor_path(*descriptor), Policy::Descriptor)),
        }
    }
}

fn credential_path(dir: &Path, role: Role) -> PathBuf {
    dir.join(format!("saltprint-{}", role.file_name()))
}

/// The name under which the system lets a process open its own descriptor again.
pub(crate) fn descriptor_path(descriptor: u32) -> PathBuf {
    PathBuf::from(format!("/dev/fd/{descriptor}"))
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Credential => f.write_str("credential"),
            Self::CredentialOf(age) => write!(f, "credential ({age})"),
            Self::Descriptor(descriptor) => write!(f, "fd:{descriptor}"),
        }
    }
}

/// A text that starts like a descriptor but names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a place of a key; write `fd:0`, `fd:3` and so on, `credential`, or the path of a file")]
pub struct ParseKeyPlaceError;

impl FromStr for KeyPlace {
    type Err = ParseKeyPlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(number) = text.strip_prefix("fd:") {
            return match number.parse() {
                // Standard output and standard error are not read from.
                Ok(1 | 2) | Err(_) => Err(ParseKeyPlaceError),
                Ok(descriptor) => Ok(Self::Descriptor(descriptor)),
            };
        }
        match text {
            "" => Err(ParseKeyPlaceError),
            "credential" => Ok(Self::Credential),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// Where each role's key comes from: a directory, with exceptions.
///
/// ```
/// use saltprint_keys::{KeyPlace, KeySource, Role};
///
/// let source = KeySource::dir("/etc/saltprint/keys").with(Role::Index, KeyPlace::Descriptor(3));
/// assert_eq!(source.place(Role::Index), KeyPlace::Descriptor(3));
/// assert_eq!(source.place(Role::Ref), KeyPlace::File("/etc/saltprint/keys/ref.key".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource {
    dir: PathBuf,
    exceptions: Vec<(Role, KeyPlace)>,
}

impl KeySource {
    /// Each key from its file in a key directory, under the name that [`Role::file_name`] gives.
    pub fn dir(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), exceptions: Vec::new() }
    }

    /// The key of one role from somewhere else.
    #[must_use]
    pub fn with(mut self, role: Role, place: KeyPlace) -> Self {
        self.exceptions.retain(|(other, _)| *other != role);
        self.exceptions.push((role, place));
        self
    }

    /// Where the key of a role comes from.
    pub fn place(&self, role: Role) -> KeyPlace {
        match self.exceptions.iter().find(|(other, _)| *other == role) {
            Some((_, place)) => place.clone(),
            None => KeyPlace::File(self.dir.join(role.file_name())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_of_places() {
        for (text, place) in [
            ("fd:0", KeyPlace::Descriptor(0)),
            ("fd:17", KeyPlace::Descriptor(17)),
            ("credential", KeyPlace::Credential),
            ("keys/index.key", KeyPlace::File("keys/index.key".into())),
        ] {
            assert_eq!(text.parse(), Ok(place.clone()));
            assert_eq!(place.to_string(), text);
        }
        for text in ["", "fd:", "fd:1", "fd:2", "fd:-1", "fd:x", "fd:99999999999"] {
            assert_eq!(text.parse::<KeyPlace>(), Err(ParseKeyPlaceError), "{text}");
        }
    }

    #[test]
    fn the_last_exception_holds() {
        let source = KeySource::dir("keys")
            .with(Role::Ref, KeyPlace::Credential)
            .with(Role::Ref, KeyPlace::Descriptor(5));
        assert_eq!(source.place(Role::Ref), KeyPlace::Descriptor(5));
        assert_eq!(source.place(Role::Audit), KeyPlace::File("keys/audit.key".into()));
    }

    #[test]
    fn credentials_have_the_role_in_their_name() {
        let path = credential_path(Path::new("/run/credentials/rebuild.service"), Role::Ref);
        assert_eq!(path, Path::new("/run/credentials/rebuild.service/saltprint-ref.key"));
    }

    #[test]
    fn siblings_have_their_age_before_the_ending() {
        let beside = |path: &str, age: KeyAge| age.path_beside(Path::new(path));
        assert_eq!(beside("/k/index.key", KeyAge::Previous), Path::new("/k/index.previous.key"));
        assert_eq!(beside("index", KeyAge::Next), Path::new("index.next"));
        assert_eq!(beside("a.b/c.d.key", KeyAge::Next), Path::new("a.b/c.d.next.key"));
        assert_eq!(beside("index.key", KeyAge::Present), Path::new("index.key"));
        let credential = KeyPlace::Credential.sibling(KeyAge::Previous).unwrap();
        assert_eq!(credential.to_string(), "credential (previous)");
        assert_eq!(KeyPlace::Credential.sibling(KeyAge::Present), Some(KeyPlace::Credential));
    }
}
