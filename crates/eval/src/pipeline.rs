//! The shipped pipeline over the kept records: keys, calibration, rebuild, and the opened index.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use saltprint::{
    CalibrateOptions, CalibrateSummary, Config, Looks, RebuildOptions, RebuildSummary, Saltprint, calibrate,
    rebuild,
};
use saltprint_fingerprint::Readout;
use saltprint_keys::{RefKey, keygen, system_random};
use tempfile::TempDir;

use crate::grow::{Grown, Growth, grow};
use crate::progress::{Clock, PipelineProgress, Progress, Stage, Work};
use crate::vault::Documents;
use crate::{EvalError, seeds};

/// Marks a folder that an evaluation made and may remove.
const MARKER: &str = "made-by-saltprint-eval";

/// The folder that an evaluation works in.
#[derive(Debug)]
pub(crate) struct WorkFolder {
    dir: PathBuf,
    /// Removes the folder at the end, with all that is in it.
    _temporary: Option<TempDir>,
}

impl WorkFolder {
    /// Uses `dir`, or a temporary folder.
    pub(crate) fn new(dir: Option<&Path>) -> Result<Self, EvalError> {
        let Some(dir) = dir else {
            let temporary =
                tempfile::tempdir().map_err(EvalError::io("create a folder in", std::env::temp_dir()))?;
            return Ok(Self { dir: temporary.path().to_owned(), _temporary: Some(temporary) });
        };
        fs::create_dir_all(dir).map_err(EvalError::io("create", dir))?;
        let dir = fs::canonicalize(dir).map_err(EvalError::io("open", dir))?;
        Ok(Self { dir, _temporary: None })
    }

    /// The folder of an invented vault.
    pub(crate) fn vault(&self) -> Result<PathBuf, EvalError> {
        let vault = self.dir.join("vault");
        fs::create_dir_all(&vault).map_err(EvalError::io("create", &vault))?;
        Ok(vault)
    }

    /// An empty folder for keys, profile and index; what an earlier evaluation left there goes.
    fn index(&self) -> Result<PathBuf, EvalError> {
        let dir = self.dir.join("run");
        if dir.join(MARKER).exists() {
            fs::remove_dir_all(&dir).map_err(EvalError::io("remove", &dir))?;
        }
        fs::create_dir(&dir).map_err(EvalError::io("create", &dir))?;
        fs::write(dir.join(MARKER), "").map_err(EvalError::io("write into", &dir))?;
        Ok(dir)
    }
}

/// The index to ask, and what making it said.
pub(crate) struct Built {
    pub(crate) saltprint: Saltprint,
    pub(crate) config: Config,
    pub(crate) refs: RefKey,
    pub(crate) calibrated: CalibrateSummary,
    pub(crate) rebuilt: RebuildSummary,
    /// Rebuilds that it took.
    pub(crate) nights: u32,
    pub(crate) grown: Option<Grown>,
}

/// How to make the index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// Of the calibration's sample, of an invented vault's keys, and of invented records.
    pub(crate) seed: u64,
    pub(crate) readout: Readout,
    /// Rebuilds that the vault grows over, each to twice as many records.
    pub(crate) nights: u32,
    /// Records that the index is filled up to.
    pub(crate) grow_to: Option<u64>,
    /// Whether images in which nothing hints at a record are spared the finer look.
    pub(crate) quick: bool,
}

impl Recipe {
    /// What somebody gets who sets nothing.
    pub(crate) fn plain(seed: u64) -> Self {
        Self { seed, readout: Readout::LINEAR, nights: 1, grow_to: None, quick: false }
    }
}

/// Calibrates on the kept records and indexes them. `own` is the configuration of an own vault, whose limits and rules
/// apply; an invented vault gets the defaults, and keys that follow from the seed.
pub(crate) fn build(
    work: &WorkFolder,
    documents: &Documents,
    own: Option<&Config>,
    recipe: &Recipe,
    clock: &Clock,
    progress: &dyn Progress,
) -> Result<Built, EvalError> {
    let dir = work.index()?;
    let manifest = dir.join("kept.jsonl");
    documents.write_manifest(&manifest, documents.kept.len())?;
    let mut config = match own {
        Some(config) => config.clone(),
        None => defaults(&dir)?,
    };
    config.vault = documents.vault.with_manifest(manifest.clone());
    config.use_own_keys(dir.join("keys"));
    config.index = dir.join("index");
    config.profile = dir.join("profile.salt");
    config.rebuild.rejects = dir.join("rejects.csv");
    // Who may evaluate a vault holds its documents: distances tell nothing more.
    config.matching.evidence = true;
    if recipe.quick {
        config.matching.cascade.looks = Looks::Quick;
    }
    match own {
        // Fingerprints of real documents are never made under keys that can be guessed.
        Some(_) => keygen(&config.keys, SystemTime::now(), &mut system_random)?,
        None => {
            keygen(&config.keys, UNIX_EPOCH + Duration::from_secs(1), &mut seeds::seeded_bytes(recipe.seed))?
        }
    };

    let pipeline = PipelineProgress(progress);
    let mut options = CalibrateOptions::default();
    options.seed = recipe.seed;
    options.readout = recipe.readout;
    let kept = documents.kept.len();
    let calibrated = clock.time(Work::Calibrate, kept, || calibrate(&config, options, &pipeline))?;
    let rebuild = |before: usize, records: usize| {
        documents.write_manifest(&manifest, records)?;
        let rebuild = || rebuild(&config, RebuildOptions::default(), &pipeline);
        Ok::<_, EvalError>(clock.time(Work::Rebuild, records - before, rebuild)?)
    };
    let (mut nights, mut before) = (1, 0);
    for later in (1..recipe.nights).rev() {
        // In the first of very many nights there is nothing yet.
        let records = kept.checked_shr(later).unwrap_or(0);
        if records > 0 {
            rebuild(before, records)?;
            (nights, before) = (nights + 1, records);
        }
    }
    let rebuilt = rebuild(before, kept)?;
    let grown = match recipe.grow_to {
        None => None,
        Some(records) => {
            let growth = Growth { records, segment: None, seed: recipe.seed, graph: false };
            let mut told = |done| progress.update(Stage::Growth, done, Some(records));
            Some(clock.time(Work::Growth, 1, || grow(&config, &growth, &mut told))?)
        }
    };
    Ok(Built {
        saltprint: Saltprint::open(&config)?,
        refs: config.load_key()?,
        config,
        calibrated,
        rebuilt,
        nights,
        grown,
    })
}

/// The configuration of somebody who sets nothing.
fn defaults(dir: &Path) -> Result<Config, EvalError> {
    let path = dir.join("saltprint.toml");
    fs::write(&path, "[vault]\nroot = \".\"\n").map_err(EvalError::io("write", &path))?;
    Ok(Config::load(&path)?)
}
