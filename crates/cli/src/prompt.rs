//! Asking for passphrases in a terminal.

use std::io::IsTerminal as _;

use saltprint_keys::{Passphrase, PassphraseError, Role};
use zeroize::Zeroizing;

/// Asks for the passphrase of a key; the number of the attempt starts from 1.
pub(crate) fn present(role: Role, attempt: u32) -> Result<Passphrase, PassphraseError> {
    let again = if attempt > 1 { "That does not open it. " } else { "" };
    ask(&format!("{again}Passphrase of the {role} key: "))
}

/// Asks twice for a new passphrase.
pub(crate) fn new() -> Result<Passphrase, PassphraseError> {
    let first = typed("New passphrase: ")?;
    if *typed("Once more: ")? != *first {
        return Err(PassphraseError::Mismatch);
    }
    Passphrase::new(first.as_bytes())
}

fn ask(prompt: &str) -> Result<Passphrase, PassphraseError> {
    Passphrase::new(typed(prompt)?.as_bytes())
}

fn typed(prompt: &str) -> Result<Zeroizing<String>, PassphraseError> {
    // A job without a person must end, not wait, even if it inherited a terminal somewhere.
    if !std::io::stdin().is_terminal() {
        return Err(PassphraseError::NotGiven);
    }
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(PassphraseError::Prompt)
}
