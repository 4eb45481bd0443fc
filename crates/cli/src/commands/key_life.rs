//! `keys`: status, passphrases, backup and destruction of keys.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use saltprint::audit::Auditor;
use saltprint::{Config, Error, KeyAccess, PassphraseFrom, Saltprint};
use saltprint_audit::Action;
use saltprint_keys::{
    KdfCost, KeyAge, KeyError, KeySource, KeyStatus, Passphrase, PassphraseError, Protection, Role, Share,
    ShareError, key_status, restore, shred, split, system_random, unwrap, wrap,
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::keys::{
    BackupArgs, KeysArgs, KeysCommand, KeysFrom, KeysStatusArgs, NewPassphrase, PresentPassphrase,
    RestoreArgs, RotateArgs, ShredArgs, UnwrapArgs, WrapArgs,
};
use crate::exit::Exit;
use crate::{prompt, words};

/// More than a share needs.
const SHARE_BYTES: u64 = 16 * 1024;

/// `config` is read only where the folder of the keys is not named.
pub(super) fn run(args: &KeysArgs, config: impl Fn() -> Result<Config, Error>) -> anyhow::Result<Exit> {
    // Keys may be looked after where there is no configuration; where there is one with a log, it is written down first.
    if let Some(auditor) =
        config().ok().map(|config| Auditor::open(&config, "custodian")).transpose()?.flatten()
    {
        let action = match args.command {
            KeysCommand::Rotate(_) => Action::Rotate,
            KeysCommand::Status(_)
            | KeysCommand::Wrap(_)
            | KeysCommand::Unwrap(_)
            | KeysCommand::Backup(_)
            | KeysCommand::Restore(_)
            | KeysCommand::Shred(_) => Action::Keys,
        };
        let _ = auditor.note(action, None)?;
    }
    match &args.command {
        KeysCommand::Status(args) => status(args, config),
        KeysCommand::Wrap(args) => wrap_keys(args, config),
        KeysCommand::Unwrap(args) => unwrap_keys(args, config),
        KeysCommand::Backup(args) => backup(args, config),
        KeysCommand::Restore(args) => restore_key(args),
        KeysCommand::Rotate(args) => rotate(args, config),
        KeysCommand::Shred(args) => shred_keys(args, config),
    }
}

/// The keys that a command is about.
struct Keys {
    source: KeySource,
    access: KeyAccess,
    age: KeyAge,
}

impl Keys {
    fn new(from: &KeysFrom, config: impl Fn() -> Result<Config, Error>) -> anyhow::Result<Self> {
        let (mut source, access) = if let Some(dir) = &from.dir {
            (KeySource::dir(dir), KeyAccess::default().prompt(prompt::present))
        } else {
            let config = config()?;
            (config.key_access.source(&config.keys), config.key_access)
        };
        for role in Role::ROTATED {
            let Some(place) = source.place(role).sibling(from.age) else {
                bail!("the {role} key comes from `{}`, beside which there are no others", source.place(role));
            };
            source = source.with(role, place);
        }
        let access = from.passphrase.of(access);
        access.harden()?;
        Ok(Self { source, access, age: from.age })
    }

    /// The roles named, or all whose key is there. One that is there but cannot be used is an error of whatever follows.
    fn roles(&self, named: &[Role]) -> anyhow::Result<Vec<Role>> {
        let has_age = |role: &Role| self.age == KeyAge::Present || Role::ROTATED.contains(role);
        if let Some(role) = named.iter().find(|role| !has_age(role)) {
            bail!("the {role} key is not changed by a rotation: there is only the present one");
        }
        if !named.is_empty() {
            return Ok(named.to_vec());
        }
        let status = key_status(&self.source).into_iter();
        let present: Vec<Role> = status
            .filter(|status| status.age == KeyAge::Present && has_age(&status.role))
            .filter(|status| !matches!(status.found, Err(KeyError::Missing { .. })))
            .map(|status| status.role)
            .collect();
        if present.is_empty() {
            bail!("there is no key at `{}`", self.source.place(Role::Index));
        }
        Ok(present)
    }
}

impl PresentPassphrase {
    /// What was typed goes before what the configuration says.
    fn of(&self, access: KeyAccess) -> KeyAccess {
        match (&self.file, self.descriptor) {
            (Some(file), _) => access.passphrase(PassphraseFrom::File(file.clone())),
            (None, Some(descriptor)) => access.passphrase(PassphraseFrom::Descriptor(descriptor)),
            (None, None) => access,
        }
    }
}

impl NewPassphrase {
    fn cost(&self) -> anyhow::Result<KdfCost> {
        Ok(KdfCost::new(self.memory_mib, self.passes, 1)?)
    }

    fn obtain(&self) -> Result<Passphrase, PassphraseError> {
        match (&self.file, self.descriptor) {
            (Some(file), _) => Passphrase::from_file(file),
            (None, Some(descriptor)) => Passphrase::from_descriptor(descriptor),
            (None, None) => prompt::new(),
        }
    }
}

fn status(args: &KeysStatusArgs, config: impl Fn() -> Result<Config, Error>) -> anyhow::Result<Exit> {
    let passphrase = PresentPassphrase::default();
    let from = KeysFrom { dir: args.dir.clone(), age: KeyAge::Present, passphrase };
    let found = key_status(&Keys::new(&from, &config)?.source);
    let mut out = std::io::stdout().lock();
    for status in &found {
        let line = if args.json { status_json(status).to_string() } else { status_line(status) };
        writeln!(out, "{line}")?;
    }
    if args.dir.is_none() && !args.json {
        for line in under_way(&found, config) {
            writeln!(out, "{line}")?;
        }
    }
    let unusable = found.iter().any(|status| !matches!(status.found, Ok(_) | Err(KeyError::Missing { .. })));
    Ok(if unusable { Exit::DoneWithRejects } else { Exit::Done })
}

/// What the keys beside the present ones are for.
fn under_way(found: &[KeyStatus], config: impl Fn() -> Result<Config, Error>) -> Vec<String> {
    let has = |age: KeyAge| found.iter().filter(|status| status.age == age).count();
    let mut lines = Vec::new();
    match has(KeyAge::Next) {
        0 => {}
        1 => lines.push(
            "A change of keys was cut short: run `saltprint keys rotate`, or `saltprint rebuild` where it says so."
                .to_owned(),
        ),
        _ => lines.push("The next keys are made; `saltprint rebuild` takes them into use.".to_owned()),
    }
    if has(KeyAge::Previous) > 0 {
        // Only plain keys: nobody should be asked for a passphrase to see a list.
        let is_plain = |status: &KeyStatus| matches!(&status.found, Ok(Some(info)) if info.protection == Protection::Plain);
        let epochs = found.iter().filter(|status| Role::ROTATED.contains(&status.role));
        let opened =
            epochs.clone().all(is_plain).then(|| config().and_then(|config| Saltprint::open(&config)));
        lines.push(match opened {
            Some(Ok(saltprint)) => match saltprint.status().previous {
                Some(previous) => {
                    format!("The previous epoch answers until {}.", words::date(previous.until))
                }
                None => "The previous epoch answers no more; when a rebuild has removed it, destroy its keys with \
                         `saltprint keys shred --previous`."
                    .to_owned(),
            },
            Some(Err(_)) | None => "`saltprint status` says until when the previous epoch answers.".to_owned(),
        });
    }
    lines
}

fn status_line(status: &KeyStatus) -> String {
    let what = match &status.found {
        Ok(Some(info)) => {
            let made = words::date(info.created);
            let kept = if let Protection::Wrapped(cost) = info.protection {
                format!("wrapped ({} MiB, {} passes)", cost.memory_kib() / 1024, cost.passes())
            } else {
                "plain".to_owned()
            };
            format!("{}  made {made}  mode {:04o}  {kept}", info.id, info.mode)
        }
        Ok(None) => "not looked at, since a descriptor can be read only once".to_owned(),
        Err(KeyError::Missing { .. }) => "not here".to_owned(),
        Err(error) => format!("UNUSABLE: {error}"),
    };
    let age = match status.age {
        KeyAge::Present => String::new(),
        age @ (KeyAge::Next | KeyAge::Previous) => format!("{age}: "),
    };
    format!("{:<11} {age}{what}  {}", status.role.to_string(), status.place)
}

fn status_json(status: &KeyStatus) -> serde_json::Value {
    let (role, place, age) = (status.role.to_string(), status.place.to_string(), status.age.to_string());
    match &status.found {
        Ok(Some(info)) => {
            let cost = if let Protection::Wrapped(cost) = info.protection {
                json!({"memory_kib": cost.memory_kib(), "passes": cost.passes(), "lanes": cost.lanes()})
            } else {
                serde_json::Value::Null
            };
            let wrapped = !cost.is_null();
            json!({
                "role": role, "age": age, "place": place, "state": "present", "key_id": info.id, "created": info.created,
                "mode": format!("{:04o}", info.mode), "wrapped": wrapped, "cost": cost,
            })
        }
        Ok(None) => json!({"role": role, "age": age, "place": place, "state": "not_looked_at"}),
        Err(KeyError::Missing { .. }) => {
            json!({"role": role, "age": age, "place": place, "state": "missing"})
        }
        Err(error) => {
            json!({"role": role, "age": age, "place": place, "state": "unusable", "reason": error.to_string()})
        }
    }
}

fn wrap_keys(args: &WrapArgs, config: impl Fn() -> Result<Config, Error>) -> anyhow::Result<Exit> {
    let keys = Keys::new(&args.from, config)?;
    let cost = args.new.cost()?;
    let roles = keys.roles(&args.roles)?;
    let new = args.new.obtain()?;
    for role in roles {
        let mut present = |role| keys.access.ask(role);
        let id = wrap(&keys.source, role, &mut present, &new, cost, &mut system_random)?;
        writeln!(std::io::stdout().lock(), "{:<11} {id}  wrapped", role.to_string())?;
    }
    say!(
        "A forgotten passphrase cannot be got around: see that there is a backup (`saltprint keys backup`)."
    );
    Ok(Exit::Done)
}

fn unwrap_keys(args: &UnwrapArgs, config: impl Fn() -> Result<Config, Error>) -> anyhow::Result<Exit> {
    let keys = Keys::new(&args.from, config)?;
    for role in keys.roles(&args.roles)? {
        let mut present = |role| keys.access.ask(role);
        let id = unwrap(&keys.source, role, &mut present, &mut system_random)?;
        writeln!(std::io::stdout().lock(), "{:<11} {id}  plain", role.to_string())?;
    }
    Ok(Exit::Done)
}

fn backup(args: &BackupArgs, config: impl Fn() -> Result<Config, Error>) -> anyhow::Result<Exit> {
    let keys = Keys::new(&args.from, config)?;
    let roles = keys.roles(&args.roles)?;
    // All are split before any is written: a wrong passphrase leaves no half of a backup.
    let mut sets = Vec::new();
    for role in roles {
        let mut present = |role| keys.access.ask(role);
        let shares = split(&keys.source, role, &mut present, args.needed, args.total, &mut system_random)?;
        sets.push(shares);
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&args.out)
        .with_context(|| format!("could not create the folder `{}`", args.out.display()))?;
    for shares in &sets {
        let mut read_back = Vec::new();
        for share in shares {
            let name = format!("{}-share-{}-of-{}.txt", share.role(), share.index(), share.total());
            let path = args.out.join(name);
            write_new(&path, share.to_text().as_bytes())
                .with_context(|| format!("could not write the share `{}`", path.display()))?;
            read_back.push(read_share(&path)?);
            writeln!(
                std::io::stdout().lock(),
                "{:<11} {}  {}",
                share.role().to_string(),
                share.key_id(),
                path.display()
            )?;
        }
        restore(&read_back).context("the shares just written do not restore the key; do not rely on them")?;
    }
    fs::File::open(&args.out).and_then(|dir| dir.sync_all())?;
    say!(
        "Any {} of the {} shares of a key restore it, wrapped or not. Give each to another keeper, and destroy these files.",
        args.needed,
        args.total
    );
    Ok(Exit::Done)
}

fn restore_key(args: &RestoreArgs) -> anyhow::Result<Exit> {
    let shares = args.shares.iter().map(|path| read_share(path.as_path())).collect::<Result<Vec<_>, _>>()?;
    let restored = restore(&shares).map_err(|error| {
        let blamed = blamed(&error).into_iter().filter_map(|position| args.shares.get(position));
        let blamed: Vec<String> = blamed.map(|path| format!("`{}`", path.display())).collect();
        if blamed.is_empty() { error.into() } else { anyhow::Error::new(error).context(blamed.join(", ")) }
    })?;
    let new = if args.wrap { Some((args.new.obtain()?, args.new.cost()?)) } else { None };
    let wrapping = new.as_ref().map(|(passphrase, cost)| (passphrase, *cost));
    let path = restored.write(&args.to, wrapping, &mut system_random)?;
    let role = restored.role().to_string();
    writeln!(std::io::stdout().lock(), "{role:<11} {}  {}", restored.id(), path.display())?;
    Ok(Exit::Done)
}

/// Which of the shares given an error is about.
fn blamed(error: &ShareError) -> Vec<usize> {
    if let ShareError::Mixed { positions } | ShareError::Altered { positions } = error {
        positions.clone()
    } else if let ShareError::Twice { positions, .. } = error {
        positions.to_vec()
    } else {
        Vec::new()
    }
}

fn rotate(args: &RotateArgs, config: impl Fn() -> Result<Config, Error>) -> anyhow::Result<Exit> {
    let mut config = config()?;
    config.key_access = args.passphrase.of(config.key_access);
    let rotation = saltprint::rotate(&config, SystemTime::now())?;
    let mut out = std::io::stdout().lock();
    for key in &rotation.keys {
        if args.json {
            let line = json!({"role": key.role.to_string(), "age": KeyAge::Next.to_string(), "key_id": key.id,
                "place": key.path.display().to_string()});
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{:<11} next: {}  {}", key.role.to_string(), key.id, key.path.display())?;
        }
    }
    let overlap = match rotation.overlap_days {
        0 => "the index of before is removed then (`[keys] overlap_days = 0`)".to_owned(),
        days => format!("the index of before answers as well for {days} days (`[keys] overlap_days`)"),
    };
    say!(
        "The present keys stay in use until `saltprint rebuild` has read every record anew; {overlap}.\n\
         Back the new keys up: `saltprint keys backup --age next --needed 2 --total 3 FOLDER`."
    );
    Ok(Exit::Done)
}

fn shred_previous(args: &ShredArgs, config: &Config) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    let source = config.key_access.source(&config.keys);
    let status = key_status(&source);
    let previous: Vec<_> = status.iter().filter(|status| status.age == KeyAge::Previous).collect();
    if previous.is_empty() {
        bail!("there are no previous keys beside `{}`", source.place(Role::Index));
    }
    if !args.yes {
        for status in previous {
            writeln!(out, "{}", status_line(status))?;
        }
        bail!("nothing was destroyed; say `--yes` if these keys are never needed again");
    }
    for key in saltprint::shred_previous(config, args.force)? {
        writeln!(out, "{:<11} destroyed  {}", key.role.to_string(), key.path.display())?;
    }
    copies_may_remain();
    Ok(Exit::Done)
}

fn copies_may_remain() {
    say!(
        "Copies may remain: on solid-state drives, in snapshots, and in backups (`saltprint keys shred --help`)."
    );
}

fn shred_keys(args: &ShredArgs, config: impl Fn() -> Result<Config, Error>) -> anyhow::Result<Exit> {
    let Some(dir) = &args.dir else {
        let mut config = config()?;
        config.key_access = args.passphrase.of(config.key_access);
        return shred_previous(args, &config);
    };
    // Somebody may shred old keys where there is no configuration.
    if let Ok(config) = config() {
        let same = |a: &Path, b: &Path| {
            a == b || fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).ok() == Some(a))
        };
        if same(dir, &config.keys) {
            bail!("the configuration uses the keys in `{}`; name the folder of an old set", dir.display());
        }
    }
    let source = KeySource::dir(dir);
    if !args.yes {
        let mut out = std::io::stdout().lock();
        for status in key_status(&source) {
            writeln!(out, "{}", status_line(&status))?;
        }
        bail!("nothing was destroyed; say `--yes` if these keys are never needed again");
    }
    for key in shred(dir, &mut system_random)? {
        writeln!(std::io::stdout().lock(), "{:<11} destroyed  {}", key.role.to_string(), key.path.display())?;
    }
    copies_may_remain();
    Ok(Exit::Done)
}

fn read_share(path: &Path) -> anyhow::Result<Share> {
    let failed = || format!("could not read the share `{}`", path.display());
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(SHARE_BYTES)?));
    fs::File::open(path)
        .with_context(failed)?
        .take(SHARE_BYTES)
        .read_to_string(&mut text)
        .with_context(failed)?;
    Share::parse(&text).with_context(failed)
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
