//! The layers of Linux, in the order in which they can be put on.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetError,
    RulesetStatus, Scope,
};

use super::{Bounds, Layer, LayerKind, descriptors, filter, limits};

/// The newest rules that are asked for; older kernels enforce what they know.
const NEWEST: ABI = ABI::V6;

/// Closes this process in. A layer that needs a descriptor comes before the one that takes them away.
pub(super) fn enter(bounds: Bounds) -> Vec<Layer> {
    // Nobody of the same user may look into it; it has no secrets but the file.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let mut rules = None;
    let mut layers = Vec::with_capacity(LayerKind::ALL.len());
    for kind in LayerKind::ALL {
        layers.push(match kind {
            LayerKind::Descriptors => Layer::of(kind, descriptors::close_inherited()),
            LayerKind::Memory => Layer::of(kind, limits::memory(bounds.memory)),
            LayerKind::Processor => Layer::of(kind, limits::processor(bounds.cpu_seconds)),
            // One call puts both on.
            LayerKind::Privileges => {
                let status = rules.insert(no_files()).as_ref();
                let set = status.is_ok_and(|status| status.no_new_privs);
                Layer::of(
                    kind,
                    set.then(|| "no program can give more".to_owned()).ok_or("the kernel refuses it"),
                )
            }
            LayerKind::Landlock => Layer::of(kind, files(rules.take())),
            LayerKind::Processes => Layer::of(kind, limits::processes()),
            LayerKind::SystemCalls => Layer::of(kind, filter::apply()),
        });
    }
    layers
}

/// A ruleset without a rule: what it handles is denied. Privileges are given up before.
fn no_files() -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .restrict_self()
}

/// What came of it.
fn files(outcome: Option<Result<RestrictionStatus, RulesetError>>) -> Result<String, String> {
    let status = outcome.ok_or("it was not tried")?.map_err(|error| error.to_string())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok("no files, no TCP, no signals to others".to_owned()),
        RulesetStatus::PartiallyEnforced => {
            Ok("no files; an older kernel, so not all of the rest".to_owned())
        }
        RulesetStatus::NotEnforced => Err("the kernel has it not, or not turned on".to_owned()),
    }
}
