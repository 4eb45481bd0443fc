//! `saltprint.toml`: read once, checked whole, unknown keys refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use saltprint_audit::Rates;
use saltprint_index::{GraphPolicy, IndexDir, SelectionPolicy};
use saltprint_intake::Vault;
use saltprint_keys::{KeyPlace, Role};
use saltprint_matching::{Cascade, RuleSettings};
use saltprint_worker::Decoder;
use serde::Deserialize;

pub use saltprint_intake::Limits;

use crate::Error;
use crate::audit::AuditConfig;
use crate::decoding::{DecodeConfig, DecodeSection};
use crate::keys::{KeyAccess, PassphraseFrom};

/// A checked configuration. Paths are absolute or relative to the current folder, ready for use.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where the records are.
    pub vault: Vault,
    /// Folder of the key files. To load keys there is [`Config::load_key`].
    pub keys: PathBuf,
    /// How keys are loaded: those that are elsewhere, and passphrases.
    pub key_access: KeyAccess,
    /// For how many days after a change of keys the epoch before goes on answering; 0 for not at all.
    pub overlap_days: u32,
    /// Folder of the index.
    pub index: PathBuf,
    /// The file outside of it that remembers the newest generation, so that an older one is refused; beside the folder, with
    /// `.pin` behind its name, where none is named.
    pub pin: Option<PathBuf>,
    /// The sealed profile that `calibrate` writes and the next rebuild uses.
    pub profile: PathBuf,
    /// Limits of every input.
    pub limits: Limits,
    /// Whether decoding goes to workers, and how much each may take.
    pub decode: DecodeConfig,
    /// What decodes: this process, until [`Config::start_workers`] was called.
    pub decoder: Decoder,
    /// Folder of blank templates and specimens, which are never evidence.
    pub negative: Option<PathBuf>,
    /// The report of the last evaluation (`report.json`), whose miss rates a case states.
    pub evaluation: Option<PathBuf>,
    /// The audit log; `None` where none is kept.
    pub audit: Option<AuditConfig>,
    /// How matches are judged.
    pub matching: MatchingConfig,
    /// How the index is built.
    pub rebuild: RebuildConfig,
}

/// Section `[matching]`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct MatchingConfig {
    /// Whether distances may be shown on request: the evidence role.
    pub evidence: bool,
    /// Chances of a false match behind the bands.
    pub rule: RuleSettings,
    /// When the graph is asked first, and, which no file says, which images get the finer look.
    pub cascade: Cascade,
}

/// Section `[rebuild]`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RebuildConfig {
    /// Where rejected inputs are named, with reasons. Holds record ids in clear: keep it where the vault's list may lie.
    pub rejects: PathBuf,
    /// Records that play the stranger when the background is measured.
    pub background_sample: usize,
    /// Images of records that play the stranger when the background of the local tier is measured; none where these, or all records, are fewer
    /// than [`LocalRule::MIN_SAMPLE`](saltprint_matching::LocalRule::MIN_SAMPLE).
    pub local_sample: usize,
    /// Records that a run looks up for what they have in common with others, of those that no run has; as many of others that these lead to; and as
    /// many are read again that earlier runs looked up.
    /// 0 for none, at most 20,000.
    pub print_sample: usize,
    /// How many local features a record keeps.
    pub selection: SelectionPolicy,
    /// Kinds of records that have no template, as the vault's list names them: each is a picture of its own, as selfies are, and has no
    /// print that a stranger's may share. The rebuild asks whether that is so.
    pub kinds_without_template: Vec<String>,
    /// Records of a segment from which on it gets a graph. By default a million: the exact scan of so many takes about 13 ms, in a
    /// lookup that takes hundreds, while `hnsw_rs` takes about 2 ms to insert each.
    pub graph_min_records: usize,
    /// Recall under which a graph is left out, 0 to 1.
    pub graph_recall_floor: f64,
    /// Most records in one segment.
    pub segment_records: usize,
    /// New records from which on their fingerprints are put down on disk while the vault is read.
    pub checkpoint_records: usize,
}

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vault: VaultSection,
    #[serde(default)]
    keys: KeysSection,
    #[serde(default)]
    index: IndexSection,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    decode: DecodeSection,
    #[serde(default)]
    negative: NegativeSection,
    #[serde(default)]
    case: CaseSection,
    audit: Option<AuditSection>,
    #[serde(default)]
    matching: MatchingSection,
    #[serde(default)]
    rebuild: RebuildSection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VaultSection {
    root: String,
    manifest: Option<PathBuf>,
    /// Settings of an object store's client.
    #[serde(default)]
    options: BTreeMap<String, String>,
}

impl VaultSection {
    /// The vault; a root with `://` in it is a URL.
    fn vault(self, base: &Path) -> Result<Vault, String> {
        let manifest = self.manifest.map(|manifest| base.join(manifest));
        let folder = match self.root.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => PathBuf::from(path),
            Some(_) => return store(&self.root, &self.options, manifest),
            None => base.join(&self.root),
        };
        if !self.options.is_empty() {
            return Err("`vault.options` are for object stores, and `vault.root` is a folder".to_owned());
        }
        Ok(match manifest {
            Some(manifest) => Vault::Manifest { root: folder, manifest },
            None => Vault::Folder { root: folder },
        })
    }
}

#[cfg(feature = "object-store")]
fn store(url: &str, options: &BTreeMap<String, String>, manifest: Option<PathBuf>) -> Result<Vault, String> {
    let options = options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let store =
        saltprint_intake::Store::open(url, options).map_err(|error| format!("`vault.root`: {error}"))?;
    Ok(Vault::Store { store, manifest })
}

#[cfg(not(feature = "object-store"))]
fn store(_: &str, _: &BTreeMap<String, String>, _: Option<PathBuf>) -> Result<Vault, String> {
    Err("`vault.root` is a URL, but support for object stores is not built in: build with the feature `object-store`"
        .to_owned())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KeysSection {
    dir: PathBuf,
    projection: Option<String>,
    index: Option<String>,
    r#ref: Option<String>,
    audit: Option<String>,
    passphrase_file: Option<PathBuf>,
    passphrase_fd: Option<u32>,
    strict: bool,
    overlap_days: u32,
}

impl Default for KeysSection {
    fn default() -> Self {
        Self {
            dir: "keys".into(),
            projection: None,
            index: None,
            r#ref: None,
            audit: None,
            passphrase_file: None,
            passphrase_fd: None,
            strict: false,
            overlap_days: 30,
        }
    }
}

impl KeysSection {
    fn access(&self, base: &Path) -> Result<KeyAccess, String> {
        let mut access = KeyAccess::default().strict(self.strict);
        for (role, place) in [
            (Role::Projection, &self.projection),
            (Role::Index, &self.index),
            (Role::Ref, &self.r#ref),
            (Role::Audit, &self.audit),
        ] {
            let Some(place) = place else { continue };
            let mut place = place.parse().map_err(|error| format!("`keys.{role}`: {error}"))?;
            if let KeyPlace::File(path) = &mut place {
                *path = base.join(&*path);
            }
            access = access.place(role, place);
        }
        match (&self.passphrase_file, self.passphrase_fd) {
            (Some(_), Some(_)) => {
                Err("`keys.passphrase_file` and `keys.passphrase_fd` exclude each other".to_owned())
            }
            (Some(file), None) => Ok(access.passphrase(PassphraseFrom::File(base.join(file)))),
            (None, Some(descriptor)) => Ok(access.passphrase(PassphraseFrom::Descriptor(descriptor))),
            (None, None) => Ok(access),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct IndexSection {
    dir: PathBuf,
    profile: PathBuf,
    pin: Option<PathBuf>,
}

impl Default for IndexSection {
    fn default() -> Self {
        Self { dir: "index".into(), profile: "profile.salt".into(), pin: None }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NegativeSection {
    root: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CaseSection {
    evaluation: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AuditSection {
    dir: Option<PathBuf>,
    require_case: bool,
    actor_hour: Option<u32>,
    actor_day: Option<u32>,
    case_hour: Option<u32>,
    case_day: Option<u32>,
}

impl AuditSection {
    fn config(self, base: &Path) -> AuditConfig {
        let limits = saltprint_audit::Limits {
            actor: Rates { hour: self.actor_hour, day: self.actor_day },
            case: Rates { hour: self.case_hour, day: self.case_day },
        };
        let dir = base.join(self.dir.unwrap_or_else(|| "audit".into()));
        AuditConfig { dir, limits, require_case: self.require_case }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsSection {
    file_bytes: Option<u64>,
    side: Option<u32>,
    pixels: Option<u64>,
    decode_bytes: Option<u64>,
    container_bytes: Option<u64>,
    document_bytes: Option<u64>,
    entries: Option<u64>,
    unpacked_bytes: Option<u64>,
    ratio: Option<u64>,
    pages: Option<u64>,
    seconds: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MatchingSection {
    evidence: bool,
    strong_chance: f64,
    possible_chance: f64,
    graph_from: u64,
}

impl Default for MatchingSection {
    fn default() -> Self {
        let rule = RuleSettings::default();
        Self {
            evidence: false,
            strong_chance: rule.strong_chance,
            possible_chance: rule.possible_chance,
            graph_from: Cascade::default().graph_from,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RebuildSection {
    rejects: PathBuf,
    background_sample: usize,
    local_sample: usize,
    print_sample: usize,
    local_features: usize,
    local_features_most: usize,
    kinds_without_template: Vec<String>,
    graph_min_records: usize,
    graph_recall_floor: f64,
    segment_records: usize,
    checkpoint_records: usize,
}

impl Default for RebuildSection {
    fn default() -> Self {
        Self {
            rejects: "rejects.csv".into(),
            background_sample: 20_000,
            local_sample: 500,
            print_sample: 2_000,
            local_features: SelectionPolicy::default().keep,
            local_features_most: SelectionPolicy::default().most,
            kinds_without_template: vec!["selfie".to_owned()],
            graph_min_records: GraphPolicy::default().min_records,
            graph_recall_floor: GraphPolicy::default().floor,
            segment_records: 250_000,
            checkpoint_records: 1_000,
        }
    }
}

impl Config {
    /// Reads and checks a configuration file. Relative paths in it are relative to the file's folder.
    ///
    /// # Errors
    /// [`Error::Config`] where the file cannot be read, has unknown keys, or a value out of range.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::config(path, &error))?;
        let base = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, base).map_err(|reason| Error::Config { path: path.to_owned(), reason })
    }

    /// The index with its memory of what was seen in it.
    pub(crate) fn index_dir(&self) -> IndexDir {
        IndexDir::new(&self.index).pinned_at(self.pin())
    }

    /// Where the newest generation is remembered.
    pub fn pin(&self) -> PathBuf {
        self.pin.clone().unwrap_or_else(|| {
            // Without a slash at its end.
            let mut name = self.index.components().collect::<PathBuf>().into_os_string();
            name.push(".pin");
            name.into()
        })
    }

    /// Parses and checks the text of a configuration; `base` is the folder that relative paths start from.
    ///
    /// # Errors
    /// A text that says what is wrong, as [`Config::load`] has it.
    pub fn parse(text: &str, base: &Path) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let limits = Limits::default();
        let limits = Limits {
            file_bytes: file.limits.file_bytes.unwrap_or(limits.file_bytes),
            side: file.limits.side.unwrap_or(limits.side),
            pixels: file.limits.pixels.unwrap_or(limits.pixels),
            decode_bytes: file.limits.decode_bytes.unwrap_or(limits.decode_bytes),
            container_bytes: file.limits.container_bytes.unwrap_or(limits.container_bytes),
            document_bytes: file.limits.document_bytes.unwrap_or(limits.document_bytes),
            entries: file.limits.entries.unwrap_or(limits.entries),
            unpacked_bytes: file.limits.unpacked_bytes.unwrap_or(limits.unpacked_bytes),
            ratio: file.limits.ratio.unwrap_or(limits.ratio),
            pages: file.limits.pages.unwrap_or(limits.pages),
            seconds: file.limits.seconds.unwrap_or(limits.seconds),
        };
        let MatchingSection { strong_chance, possible_chance, .. } = file.matching;
        check("matching.strong_chance", "from 1e-12 to 0.01", (1e-12..=0.01).contains(&strong_chance))?;
        check(
            "matching.possible_chance",
            "from strong_chance to 0.1",
            (strong_chance..=0.1).contains(&possible_chance),
        )?;
        let floor = file.rebuild.graph_recall_floor;
        check("rebuild.graph_recall_floor", "from 0 to 1", (0.0..=1.0).contains(&floor))?;
        check("rebuild.segment_records", "from 1,000 to 10,000,000", {
            (1_000..=10_000_000).contains(&file.rebuild.segment_records)
        })?;
        check("rebuild.checkpoint_records", "from 0 to 1,000,000", {
            file.rebuild.checkpoint_records <= 1_000_000
        })?;
        check("rebuild.background_sample", "at least 1", file.rebuild.background_sample >= 1)?;
        check("rebuild.local_sample", "at least 1", file.rebuild.local_sample >= 1)?;
        let (keep, most) = (file.rebuild.local_features, file.rebuild.local_features_most);
        check("rebuild.print_sample", "from 0 to 20,000", file.rebuild.print_sample <= MOST_PRINTS)?;
        check("rebuild.local_features", "from 8 to local_features_most", (8..=most).contains(&keep))?;
        check("rebuild.local_features_most", "from local_features to 320", (keep..=320).contains(&most))?;
        let overlap_days = file.keys.overlap_days;
        check("keys.overlap_days", "from 0 to 3,650", overlap_days <= 3_650)?;
        Ok(Self {
            overlap_days,
            vault: file.vault.vault(base)?,
            key_access: file.keys.access(base)?,
            keys: base.join(file.keys.dir),
            index: base.join(file.index.dir),
            pin: file.index.pin.map(|pin| base.join(pin)),
            profile: base.join(file.index.profile),
            decode: file.decode.config(&limits)?,
            decoder: Decoder::in_process(),
            limits,
            negative: file.negative.root.map(|root| base.join(root)),
            evaluation: file.case.evaluation.map(|path| base.join(path)),
            audit: file.audit.map(|audit| audit.config(base)),
            matching: MatchingConfig {
                evidence: file.matching.evidence,
                rule: RuleSettings { strong_chance, possible_chance },
                cascade: Cascade { graph_from: file.matching.graph_from, ..Cascade::default() },
            },
            rebuild: RebuildConfig {
                rejects: base.join(file.rebuild.rejects),
                background_sample: file.rebuild.background_sample,
                local_sample: file.rebuild.local_sample,
                print_sample: file.rebuild.print_sample,
                selection: SelectionPolicy { keep, most },
                kinds_without_template: file.rebuild.kinds_without_template,
                graph_min_records: file.rebuild.graph_min_records,
                graph_recall_floor: floor,
                segment_records: file.rebuild.segment_records,
                checkpoint_records: file.rebuild.checkpoint_records,
            },
        })
    }
}

/// Records that one run may look up: what it learns has to fit in the manifest beside what is known.
const MOST_PRINTS: usize = 20_000;

fn check(key: &str, range: &str, holds: bool) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("`{key}` must be {range}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minimal_file_gets_the_defaults() {
        let config = Config::parse("[vault]\nroot = \"docs\"\n", Path::new("/srv/kyc")).unwrap();
        assert_eq!(config.vault, Vault::Folder { root: "/srv/kyc/docs".into() });
        assert_eq!(config.keys, Path::new("/srv/kyc/keys"));
        assert_eq!(config.index, Path::new("/srv/kyc/index"));
        assert_eq!(config.pin(), Path::new("/srv/kyc/index.pin"));
        assert_eq!(config.profile, Path::new("/srv/kyc/profile.salt"));
        assert_eq!(config.rebuild.rejects, Path::new("/srv/kyc/rejects.csv"));
        assert_eq!(config.limits, Limits::default());
        assert!(!config.matching.evidence);
        assert_eq!(config.overlap_days, 30);
    }

    #[test]
    fn a_file_url_is_a_folder() {
        let config = Config::parse("[vault]\nroot = \"file:///docs\"\n", Path::new("/srv")).unwrap();
        assert_eq!(config.vault, Vault::Folder { root: "/docs".into() });
    }

    #[cfg(feature = "object-store")]
    #[test]
    fn a_url_is_an_object_store() {
        let text = "[vault]\nroot = \"s3://kyc/2024\"\nmanifest = \"list.csv\"\n\
                    [vault.options]\nregion = \"eu-west-1\"\n";
        let config = Config::parse(text, Path::new("/srv")).unwrap();
        let Vault::Store { store, manifest } = &config.vault else { panic!("{:?}", config.vault) };
        assert_eq!((store.url(), store.prefix()), ("s3://kyc/2024", "2024"));
        assert_eq!(manifest.as_deref(), Some(Path::new("/srv/list.csv")));
        let secret = text.replace("region", "secret_access_key");
        let error = Config::parse(&secret, Path::new("/srv")).unwrap_err();
        assert!(error.contains("environment") && !error.contains("eu-west-1"), "{error}");
    }

    #[test]
    fn every_key_is_read() {
        let text = r#"
            [vault]
            root = "/vault"
            manifest = "list.csv"
            [keys]
            dir = "k"
            projection = "fd:3"
            index = "credential"
            ref = "elsewhere/ref.key"
            audit = "/audit.key"
            passphrase_file = "pass"
            strict = true
            overlap_days = 45
            [index]
            dir = "i"
            profile = "p"
            [negative]
            root = "blank"
            [case]
            evaluation = "e.json"
            [audit]
            dir = "a"
            require_case = true
            actor_hour = 12
            actor_day = 13
            case_hour = 14
            case_day = 15
            [limits]
            file_bytes = 1
            side = 2
            pixels = 3
            decode_bytes = 4
            container_bytes = 5
            document_bytes = 6
            entries = 7
            unpacked_bytes = 8
            ratio = 9
            pages = 10
            seconds = 11
            [matching]
            evidence = true
            strong_chance = 1e-9
            possible_chance = 1e-4
            graph_from = 5
            [rebuild]
            rejects = "r.csv"
            background_sample = 6
            local_sample = 9
            print_sample = 8
            local_features = 10
            local_features_most = 20
            kinds_without_template = ["liveness", "selfie"]
            graph_min_records = 7
            graph_recall_floor = 0.5
            segment_records = 8000
            checkpoint_records = 90
        "#;
        let config = Config::parse(text, Path::new("/base")).unwrap();
        let manifest = Vault::Manifest { root: "/vault".into(), manifest: "/base/list.csv".into() };
        assert_eq!(config.vault, manifest);
        let source = config.key_access.source(&config.keys);
        for (role, place) in [
            (Role::Projection, KeyPlace::Descriptor(3)),
            (Role::Index, KeyPlace::Credential),
            (Role::Ref, KeyPlace::File("/base/elsewhere/ref.key".into())),
            (Role::Audit, KeyPlace::File("/audit.key".into())),
        ] {
            assert_eq!(source.place(role), place);
        }
        let access = format!("{:?}", config.key_access);
        assert!(access.contains("File(\"/base/pass\")") && access.contains("strict: true"), "{access}");
        assert_eq!(config.overlap_days, 45);
        assert_eq!((config.keys, config.index), ("/base/k".into(), "/base/i".into()));
        assert_eq!(config.profile, Path::new("/base/p"));
        assert_eq!(config.negative, Some("/base/blank".into()));
        let limits = saltprint_audit::Limits {
            actor: Rates { hour: Some(12), day: Some(13) },
            case: Rates { hour: Some(14), day: Some(15) },
        };
        assert_eq!(config.audit, Some(AuditConfig { dir: "/base/a".into(), limits, require_case: true }));
        assert_eq!(config.evaluation, Some("/base/e.json".into()));
        assert_eq!(
            config.limits,
            Limits {
                file_bytes: 1,
                side: 2,
                pixels: 3,
                decode_bytes: 4,
                container_bytes: 5,
                document_bytes: 6,
                entries: 7,
                unpacked_bytes: 8,
                ratio: 9,
                pages: 10,
                seconds: 11
            }
        );
        assert_eq!(config.matching.rule, RuleSettings { strong_chance: 1e-9, possible_chance: 1e-4 });
        assert!(config.matching.evidence);
        assert_eq!(config.matching.cascade, Cascade { graph_from: 5, ..Cascade::default() });
        assert_eq!(
            config.rebuild,
            RebuildConfig {
                rejects: "/base/r.csv".into(),
                background_sample: 6,
                local_sample: 9,
                print_sample: 8,
                selection: SelectionPolicy { keep: 10, most: 20 },
                kinds_without_template: vec!["liveness".to_owned(), "selfie".to_owned()],
                graph_min_records: 7,
                graph_recall_floor: 0.5,
                segment_records: 8000,
                checkpoint_records: 90,
            }
        );
    }

    #[test]
    fn unknown_keys_and_values_out_of_range_are_refused() {
        let vault = "[vault]\nroot = \"v\"\n";
        for (text, word) in [
            ("", "vault"),
            ("[vault]\nroot = \"v\"\nrot = 1\n", "rot"),
            ("[vault]\nroot = \"v\"\noptions = { region = \"x\" }\n", "vault.options"),
            ("[vault]\nroot = \"ftp://host/v\"\n", "vault.root"),
            (&format!("{vault}[matchin]\nevidence = true\n"), "matchin"),
            (&format!("{vault}[matching]\nstrong_chance = 0.5\n"), "strong_chance"),
            (&format!("{vault}[matching]\npossible_chance = 1e-9\n"), "possible_chance"),
            (&format!("{vault}[rebuild]\ngraph_recall_floor = 1.5\n"), "graph_recall_floor"),
            (&format!("{vault}[rebuild]\nsegment_records = 0\n"), "segment_records"),
            (&format!("{vault}[rebuild]\nbackground_sample = 0\n"), "background_sample"),
            (&format!("{vault}[limits]\nside = -1\n"), "side"),
            (&format!("{vault}[keys]\nindex = \"fd:1\"\n"), "keys.index"),
            (&format!("{vault}[keys]\noverlap_days = 4000\n"), "keys.overlap_days"),
            (&format!("{vault}[keys]\npassphrase = \"x\"\n"), "passphrase"),
            (&format!("{vault}[keys]\npassphrase_file = \"p\"\npassphrase_fd = 3\n"), "exclude each other"),
        ] {
            let error = Config::parse(text, Path::new("")).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
