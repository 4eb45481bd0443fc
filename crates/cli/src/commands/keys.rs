//! `keygen` and `ref`.

use std::io::Write as _;
use std::time::SystemTime;

use saltprint::Config;
use saltprint::audit::Auditor;
use saltprint_audit::Action;
use saltprint_keys::{RefKey, system_random};

use crate::args::{KeygenArgs, RefArgs};
use crate::exit::Exit;

pub(super) fn keygen(args: &KeygenArgs) -> anyhow::Result<Exit> {
    let keys = saltprint_keys::keygen(&args.dir, SystemTime::now(), &mut system_random)?;
    let mut out = std::io::stdout().lock();
    for key in keys {
        writeln!(out, "{:<11} {}  {}", key.role.to_string(), key.id, key.path.display())?;
    }
    say!(
        "Keep a copy of this folder offline: without the projection and index keys the index is of no use, \
         without the ref key refs cannot be told apart. Give each process only the keys that it needs."
    );
    Ok(Exit::Done)
}

pub(super) fn refs(args: &RefArgs, config: &Config) -> anyhow::Result<Exit> {
    if let Some(auditor) = Auditor::open(config, "resolver")? {
        let _ = auditor.note(Action::Ref, None)?;
    }
    let key: RefKey = config.load_key()?;
    let mut out = std::io::stdout().lock();
    for id in &args.record_ids {
        writeln!(out, "{}", key.record_ref(id))?;
    }
    Ok(Exit::Done)
}
