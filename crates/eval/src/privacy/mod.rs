//! What do codes and sealed files give away, and to whom? Measured by playing the attackers.
//!
//! One file a measurement, lettered as in PRIVACY.md: [`bits`], [`two_keys`] with [`linkage`], [`wrong_key`],
//! [`known_plaintext`], [`inversion`], [`sealed`], [`people`], and what the [`readouts`] cost. [`material`] draws or
//! reads the documents, [`keyring`] makes codes under many keys, [`stats`] has the bounds, [`linear`] the attackers'
//! regressions, [`findings`] and [`report`] what comes out.

mod bar;
mod bits;
mod findings;
mod inversion;
mod keyring;
mod known_plaintext;
mod linear;
mod linkage;
mod material;
mod people;
mod plan;
mod readouts;
mod report;
mod sealed;
mod ssim;
mod stats;
mod two_keys;
mod wrong_key;

use std::path::PathBuf;

use saltprint::Config;

pub use self::findings::{Cell, Finding, Measurement, PrivacyTable, PrivacyVerdict};
pub use self::plan::PrivacyPlan;
pub use self::report::{PRIVACY_FORMAT, PrivacyReport, PrivacySetup};

use self::material::Material;
use self::plan::{FEWEST, Sizes};
use crate::EvalError;
use crate::pipeline::{self, Recipe, WorkFolder};
use crate::plan::Source;
use crate::progress::{Clock, Progress, Stage};
use crate::vault::{self, Holding};

/// Carries a plan out. Works on all threads of the current rayon pool.
///
/// # Errors
/// As [`run`](crate::run); [`EvalError::Plan`] for a vault too small to measure.
pub fn measure_privacy(plan: &PrivacyPlan, progress: &dyn Progress) -> Result<PrivacyReport, EvalError> {
    let sizes = plan.sizes()?;
    let work = WorkFolder::new(plan.work.as_deref())?;
    match &plan.source {
        Source::Synthetic { records, .. } => invented(*records, plan, &sizes, &work, progress),
        Source::Vault(config) => own(config, plan, &sizes, &work, progress),
    }
}

fn invented(
    records: usize,
    plan: &PrivacyPlan,
    sizes: &Sizes,
    work: &WorkFolder,
    progress: &dyn Progress,
) -> Result<PrivacyReport, EvalError> {
    let material = Material::invented(records, plan, sizes, progress)?;
    let mut measured = of_codes(&material, sizes, progress);
    progress.update(Stage::Privacy("restoring pictures from codes"), 0, None);
    measured.push(inversion::measure(&material, sizes, &sizes.readouts())?);
    progress.update(Stage::Privacy("building an index twice"), 0, None);
    let dir: PathBuf = work.vault()?;
    let documents = people::draw(&dir, plan.seed, sizes.people)?;
    let built =
        pipeline::build(work, &documents, None, &Recipe::plain(plan.seed), &Clock::default(), progress)?;
    measured.push(sealed::measure(&built, &documents, progress)?);
    measured.push(people::measure(&material, &built, sizes.people, progress)?);
    measured.push(readouts::measure(&material, records, plan, sizes, &sizes.readouts(), progress));
    Ok(PrivacyReport::new(plan, &material, measured))
}

fn own(
    config: &Config,
    plan: &PrivacyPlan,
    sizes: &Sizes,
    work: &WorkFolder,
    progress: &dyn Progress,
) -> Result<PrivacyReport, EvalError> {
    let mut documents = vault::listed(config, Some(0), 0.0, plan.seed, progress)?;
    documents.kept.truncate(2 * sizes.crowd());
    let holdings: &[Holding] = &documents.kept;
    if holdings.len() < FEWEST {
        return Err(EvalError::plan(format!("privacy is measured on at least {FEWEST} usable records")));
    }
    let material = Material::own(holdings, config, plan, sizes, progress)?;
    config.check_decoder()?;
    let mut measured = of_codes(&material, sizes, progress);
    progress.update(Stage::Privacy("building an index twice"), 0, None);
    documents.kept.truncate(sizes.sealed);
    let recipe = Recipe::plain(plan.seed);
    let built = pipeline::build(work, &documents, Some(config), &recipe, &Clock::default(), progress)?;
    measured.push(sealed::measure(&built, &documents, progress)?);
    Ok(PrivacyReport::new(plan, &material, measured))
}

/// What needs nothing but features and keys.
fn of_codes(material: &Material, sizes: &Sizes, progress: &dyn Progress) -> Vec<Measurement> {
    let keyring = keyring::keyring(material, sizes, progress);
    let readouts = sizes.readouts();
    progress.update(Stage::Privacy("comparing codes of many keys"), 0, None);
    let bits = bits::measure(&keyring);
    let mut two_keys = two_keys::measure(&keyring);
    progress.update(Stage::Privacy("linking codes across keys"), 0, None);
    linkage::add(&mut two_keys, material, sizes, &readouts);
    progress.update(Stage::Privacy("asking with wrong keys"), 0, None);
    let wrong_key = wrong_key::measure(material, &keyring);
    let known = known_plaintext::measure(material, sizes, &readouts, progress);
    vec![bits, two_keys, wrong_key, known]
}
