//! What was done, and why it was refused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have one stable code each, in the log and for `Display`.
macro_rules! codes {
    ($(#[$doc:meta])+ $name:ident { $($(#[$variant_doc:meta])+ $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])+ #[serde(rename = $code)] $variant,)+
        }

        impl $name {
            /// All that this release knows.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code in the log. A code that was released keeps its meaning for ever.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.code())
            }
        }
    };
}

codes! {
    /// What an entry is about.
    Action {
        /// The log was begun.
        Init = "init",
        /// One image was looked up.
        Lookup = "lookup",
        /// A leak was compared as a whole.
        Triage = "triage",
        /// Refs were made or resolved.
        Ref = "ref",
        /// A record or a subject was erased.
        Erase = "erase",
        /// The profile was calibrated.
        Calibrate = "calibrate",
        /// A generation was built and published.
        Rebuild = "rebuild",
        /// An epoch was begun or ended.
        Rotate = "rotate",
        /// Keys were made, shown, shared or destroyed.
        Keys = "keys",
        /// The configuration changed.
        Config = "config",
        /// The log itself was read.
        Show = "show",
        /// A checkpoint was made.
        Checkpoint = "checkpoint",
        /// A question was refused.
        Refused = "refused",
        /// The log was repaired after a crash.
        Recovered = "recovered",
    }
}

impl Action {
    /// Whether [`Limits`](crate::Limits) apply: to lookups and triages, by which images are tried against the index.
    pub const fn is_limited(self) -> bool {
        matches!(self, Self::Lookup | Self::Triage)
    }
}

codes! {
    /// Why a question was refused.
    Reason {
        /// The actor asked too often in an hour.
        ActorHour = "actor-hour",
        /// The actor asked too often in a day.
        ActorDay = "actor-day",
        /// The case was asked about too often in an hour, by all actors together.
        CaseHour = "case-hour",
        /// The case was asked about too often in a day, by all actors together.
        CaseDay = "case-day",
        /// The actor's queries look like a climb towards a code.
        Climbing = "climbing",
        /// The role does not allow it.
        Role = "role",
        /// Something else in the configuration forbids it.
        Policy = "policy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_is_written() {
        for action in Action::ALL {
            assert_eq!(serde_json::to_string(action).unwrap(), format!("\"{}\"", action.code()));
        }
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_string(reason).unwrap(), format!("\"{}\"", reason.code()));
        }
    }

    /// Released codes: this list only ever grows.
    #[test]
    fn codes_stay() {
        let codes: Vec<_> = Action::ALL.iter().map(|action| action.code()).collect();
        assert_eq!(
            codes.join(" "),
            "init lookup triage ref erase calibrate rebuild rotate keys config show checkpoint refused recovered"
        );
        let codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.join(" "), "actor-hour actor-day case-hour case-day climbing role policy");
    }
}
