//! Where images, documents and archives are decoded: section `[decode]`, and starting the workers that it asks for.

use std::ops::ControlFlow;
use std::path::Path;

use saltprint_intake::{Limits, Location, Part, Reject, Role};
use saltprint_worker::{DEFAULT_ITEMS, DEFAULT_MEMORY, DEFAULT_SECONDS, Decoder, Layer, Settings};
use serde::Deserialize;

use crate::{Config, Error};

/// Least memory of a worker, in bytes: below it, none gets as far as its first image.
const LEAST_MEMORY: u64 = 64 * 1024 * 1024;

/// Section `[decode]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeConfig {
    /// Whether decoding goes to workers.
    pub worker: WorkerMode,
    /// How they are started, and how much each may take.
    pub settings: Settings,
}

/// Whether images, documents and archives are decoded in workers: processes without files, network and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerMode {
    /// In workers, closed in as well as the system allows. What is missing is a warning.
    #[default]
    Auto,
    /// In workers with every layer, or not at all.
    Required,
    /// In this process.
    Off,
}

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DecodeSection {
    worker: WorkerMode,
    memory: Option<u64>,
    seconds: Option<u64>,
    items: Option<u64>,
}

impl DecodeSection {
    /// The checked section, for inputs with these limits. The error says what is wrong.
    pub(crate) fn config(&self, limits: &Limits) -> Result<DecodeConfig, String> {
        // One decode and one document, and as much again while buffers grow.
        let held = limits.decode_bytes.saturating_add(limits.document_bytes.max(limits.file_bytes));
        let mut settings = Settings::default();
        settings.memory = self.memory.unwrap_or(held.saturating_mul(2).max(DEFAULT_MEMORY));
        settings.seconds = self.seconds.unwrap_or(DEFAULT_SECONDS);
        settings.items = self.items.unwrap_or(DEFAULT_ITEMS);
        settings.cpu_seconds = limits.seconds.saturating_add(settings.seconds).saturating_mul(2);
        if settings.memory < LEAST_MEMORY {
            return Err(format!("`decode.memory` must be at least {LEAST_MEMORY} bytes"));
        }
        if !(1..=86_400).contains(&settings.seconds) {
            return Err("`decode.seconds` must be from 1 to 86,400".to_owned());
        }
        if settings.items == 0 {
            return Err("`decode.items` must be at least 1".to_owned());
        }
        Ok(DecodeConfig { worker: self.worker, settings })
    }
}

impl Config {
    /// Starts the workers that `[decode]` asks for, and puts them into [`Config::decoder`]; all that is opened with this
    /// configuration, or a copy of it, decodes in them. What comes back are warnings for people.
    ///
    /// The running program is started as worker, so its `main` must call
    /// [`saltprint_worker::serve_if_asked`] first; or name another one in [`Config::decode`].
    ///
    /// # Errors
    /// [`Error::Decoding`] where workers are required and none starts, or a layer is missing.
    pub fn start_workers(&mut self) -> Result<Vec<String>, Error> {
        let required = self.decode.worker == WorkerMode::Required;
        if self.decoder.is_apart() {
            return closed_in(&self.decoder, required);
        }
        if self.decode.worker == WorkerMode::Off {
            return Ok(Vec::new());
        }
        let decoder = match Decoder::workers(self.decode.settings.clone()) {
            Ok(decoder) => decoder,
            Err(error) if required => return Err(Error::Decoding { reason: error.to_string() }),
            Err(error) => {
                return Ok(vec![format!(
                    "images are decoded in this process, where it has its keys: {error}"
                )]);
            }
        };
        let missing = closed_in(&decoder, required)?;
        self.decoder = decoder;
        Ok(missing)
    }

    /// Checks that decoding happens where the configuration wants it, before the first input; and that there was a worker for each
    /// input, before anything is concluded from what they gave or published.
    ///
    /// # Errors
    /// [`Error::Decoding`].
    pub fn check_decoder(&self) -> Result<(), Error> {
        if self.decoder.is_lost() {
            let reason = "the system starts no more decoding processes; is it short of processes or memory?"
                .to_owned();
            return Err(Error::Decoding { reason });
        }
        if self.decode.worker == WorkerMode::Required && !self.decoder.is_apart() {
            let reason = "no workers were started; call `Config::start_workers`".to_owned();
            return Err(Error::Decoding { reason });
        }
        Ok(())
    }

    /// Hands every part of the file at `path` to `sink`.
    pub(crate) fn for_each_part(&self, path: &Path, sink: &mut dyn FnMut(Part) -> ControlFlow<()>) {
        match Location::from(path).open() {
            Ok(opened) => self.decoder.for_each_part(opened, &self.limits, sink),
            Err(reject) => {
                let _ = sink(unreadable(reject));
            }
        }
    }

    /// Whether the file at `path` may hold others; `false` as well where it cannot be read.
    pub(crate) fn holds_parts(&self, path: &Path) -> bool {
        Location::from(path).open().is_ok_and(|mut opened| self.decoder.holds_parts(&mut opened))
    }
}

/// The layers that workers lack, for people.
///
/// # Errors
/// [`Error::Decoding`] where all are required.
fn closed_in(decoder: &Decoder, required: bool) -> Result<Vec<String>, Error> {
    let missing: Vec<String> =
        decoder.layers().iter().filter(|layer| !layer.active).map(missing_layer).collect();
    if required && !missing.is_empty() {
        return Err(Error::Decoding { reason: missing.join("; ") });
    }
    Ok(missing)
}

fn missing_layer(layer: &Layer) -> String {
    format!("decoding is not closed in by {}: {}", layer.kind.name(), layer.detail)
}

fn unreadable(reject: Reject) -> Part {
    Part { place: String::new(), role: Role::File, content: Err(reject), behind: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(section: &str) -> Result<Config, String> {
        Config::parse(&format!("[vault]\nroot = \"v\"\n[decode]\n{section}"), Path::new(""))
    }

    #[test]
    fn every_key_is_read_and_checked() {
        let decode = parsed("").unwrap().decode;
        assert_eq!(decode.worker, WorkerMode::Auto);
        assert_eq!((decode.settings.memory, decode.settings.seconds), (DEFAULT_MEMORY, DEFAULT_SECONDS));
        let decode =
            parsed("worker = \"required\"\nmemory = 100000000\nseconds = 7\nitems = 1").unwrap().decode;
        assert_eq!(decode.worker, WorkerMode::Required);
        let Settings { memory, seconds, items, .. } = decode.settings;
        assert_eq!((memory, seconds, items), (100_000_000, 7, 1));
        let larger = parsed("[limits]\ndecode_bytes = 2000000000").unwrap().decode.settings.memory;
        assert!(larger > 4_000_000_000);
        for wrong in ["worker = \"maybe\"", "memory = 1", "seconds = 0", "items = 0", "threads = 3"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_required_is_not_done_otherwise() {
        let mut config = parsed("worker = \"required\"").unwrap();
        assert!(matches!(config.check_decoder(), Err(Error::Decoding { .. })));
        config.decode.settings.program = "/nowhere/at/all".into();
        assert!(matches!(config.start_workers(), Err(Error::Decoding { .. })));
        config.decode.worker = WorkerMode::Auto;
        assert_eq!(config.start_workers().unwrap().len(), 1);
        assert!(config.check_decoder().is_ok() && !config.decoder.is_apart());
        config.decode.worker = WorkerMode::Off;
        assert!(config.start_workers().unwrap().is_empty());
    }
}
