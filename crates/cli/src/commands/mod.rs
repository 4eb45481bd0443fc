//! One function a command.

mod ask;
mod audit;
mod build;
mod case;
mod demo;
mod erase;
mod eval;
mod key_life;
mod keys;
mod manual;
mod sandbox;
mod show;

use saltprint::Config;

use crate::args::{Arguments, Command};
use crate::exit::Exit;
use crate::prompt;

pub(crate) fn dispatch(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = || {
        let mut config = Config::load(&arguments.config)?;
        config.key_access = config.key_access.prompt(prompt::present);
        Ok(config)
    };
    // For commands that read images: they are decoded in workers.
    let decoding = || {
        let mut config = config()?;
        for warning in config.start_workers()? {
            say!("warning: {warning}");
        }
        Ok::<_, saltprint::Error>(config)
    };
    match &arguments.command {
        Command::Keygen(args) => keys::keygen(args),
        Command::Keys(args) => key_life::run(args, config),
        Command::Audit(args) => audit::run(args, &config()?),
        Command::Ref(args) => keys::refs(args, &config()?),
        Command::Calibrate(args) => build::calibrate(args, &decoding()?),
        Command::Rebuild(args) => build::rebuild(args, &decoding()?),
        Command::Erase(args) => erase::run(args, &config()?),
        Command::Lookup(args) => ask::lookup(args, &decoding()?),
        Command::Triage(args) => ask::triage(args, &decoding()?, &arguments.config),
        Command::Verify => show::verify(&config()?),
        Command::Status(args) => show::status(args, &config()?),
        Command::Sandbox(args) => sandbox::run(args, config()?),
        Command::Demo(args) => demo::run(args),
        Command::Eval(args) => eval::run(args, decoding),
        Command::Completions(args) => manual::completions(args),
        Command::Man(args) => manual::pages(args),
    }
}
