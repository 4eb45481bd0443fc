//! The audit log beside the questions: what is asked is written and synced before an answer leaves.
//!
//! A program opens an [`Auditor`] from its configuration. Before the work it asks [`Auditor::allow`], so that a limit that
//! is reached costs no search; before it says the answer it writes it down with [`Auditor::answer`]. What is no question, such
//! as a rebuild, is written down by [`Auditor::note`].
//!
//! Where the configuration has no `[audit]` there is no auditor, and nothing is written.

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use saltprint_audit::{
    Action, Actor, ActorRole, Admission, AuditLog, CaseId, Climb, ClimbGuard, ClimbRule, Draft, Limiter,
    Limits, Purpose, QueryDigest, QueryHasher, Reason, Receipt, Results, Thresholds, ToolVersion, Who,
};

use crate::{Config, Error, ItemReport, Looks, Saltprint, TriageTotals};

/// Section `[audit]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditConfig {
    /// Folder of the log, which `saltprint audit init` makes.
    pub dir: PathBuf,
    /// How often one may ask.
    pub limits: Limits,
    /// Whether every question must name a case and a purpose.
    pub require_case: bool,
}

/// For which case a question is asked, and why.
#[derive(Debug, Clone, Default)]
pub struct AskedFor {
    case: Option<CaseId>,
    purpose: Option<Purpose>,
}

impl AskedFor {
    /// Checks what a person typed.
    ///
    /// # Errors
    /// [`Error::AuditWords`] where an entry cannot carry it.
    pub fn new(case: Option<&str>, purpose: Option<&str>) -> Result<Self, Error> {
        Ok(Self { case: case.map(CaseId::new).transpose()?, purpose: purpose.map(Purpose::new).transpose()? })
    }
}

/// An open audit log with the limits of its configuration. Shared by all threads of a process.
pub struct Auditor {
    log: AuditLog,
    who: Who,
    require_case: bool,
    limiter: Mutex<Limiter>,
    guard: Mutex<ClimbGuard>,
}

/// Who works with this process, in `role`: the user that the system knows, by number, since names can be given anew.
///
/// # Errors
/// [`Error::AuditWords`] for a role that is no word.
pub fn who(role: &str) -> Result<Who, Error> {
    let user = rustix::process::getuid().as_raw();
    Ok(Who {
        actor: Actor::new(format!("uid:{user}").as_str())?,
        role: ActorRole::new(role)?,
        tool: ToolVersion::new(env!("CARGO_PKG_VERSION"))?,
    })
}

/// The commitment to a file, read in blocks.
///
/// # Errors
/// What the reading gives.
pub fn query_of(mut file: impl Read) -> std::io::Result<QueryDigest> {
    let mut hasher = QueryHasher::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(&block[..count]),
        };
    }
}

impl Auditor {
    /// The log of the configuration, for what this process does in `role`; `None` where it has none.
    ///
    /// # Errors
    /// [`Error::Audit`] where the log is not there, or was tampered with.
    pub fn open(config: &Config, role: &str) -> Result<Option<Self>, Error> {
        Self::open_as(config, who(role)?)
    }

    /// Like [`Auditor::open`] for a service, which knows its users by other names than the system does.
    ///
    /// # Errors
    /// As [`Auditor::open`].
    pub fn open_as(config: &Config, who: Who) -> Result<Option<Self>, Error> {
        let Some(AuditConfig { dir, limits, require_case }) = &config.audit else {
            return Ok(None);
        };
        Ok(Some(Self {
            log: AuditLog::open(dir)?,
            who,
            require_case: *require_case,
            limiter: Mutex::new(Limiter::new(*limits)),
            guard: Mutex::new(ClimbGuard::new(ClimbRule::default())),
        }))
    }

    /// Whether a question may be asked now; nothing is reserved by it.
    ///
    /// # Errors
    /// [`Error::NoCase`], [`Error::Refused`], [`Error::Audit`].
    pub fn allow(&self, asked: &AskedFor) -> Result<(), Error> {
        if self.require_case && (asked.case.is_none() || asked.purpose.is_none()) {
            return Err(Error::NoCase);
        }
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        match self.log.check(&mut limiter, &self.who, asked.case.as_ref(), SystemTime::now())? {
            None => Ok(()),
            // The refusal of a question that was never worked on belongs in the log as well.
            Some(refusal) => {
                let draft = self.draft(asked, Action::Lookup);
                let _ = self.log.append(draft.refuse(refusal.reason))?;
                Err(Error::Refused { reason: refusal.to_string() })
            }
        }
    }

    /// Looks at the codes of a query, all orientations of one image: whether this actor feels his way towards a record with
    /// many queries that are nearly the same. The memory of that lies in this process alone.
    ///
    /// # Errors
    /// [`Error::Refused`] then, which is in the log; [`Error::Audit`].
    pub fn watch(&self, asked: &AskedFor, codes: &[[u64; 4]]) -> Result<(), Error> {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Climb::Alarm { .. } = guard.observe(&self.who.actor, codes) {
            let _ = self.log.append(self.draft(asked, Action::Lookup).refuse(Reason::Climbing))?;
            let reason =
                "too many queries that are nearly the same; that is how a record is guessed".to_owned();
            return Err(Error::Refused { reason });
        }
        Ok(())
    }

    /// Looks one image up and writes it down: [`allow`](Self::allow), [`watch`](Self::watch), the search, and
    /// [`answer`](Self::answer), in this order.
    ///
    /// # Errors
    /// Theirs; those of [`Saltprint::lookup`]; [`Error::EvidenceOff`].
    pub fn lookup(
        &self,
        saltprint: &Saltprint,
        asked: &AskedFor,
        input: &str,
        bytes: &[u8],
        evidence: bool,
    ) -> Result<ItemReport, Error> {
        saltprint.check_evidence(evidence)?;
        self.allow(asked)?;
        let report =
            saltprint.lookup_watched(input, bytes, evidence, &mut |codes| self.watch(asked, codes))?;
        let mut totals = TriageTotals::default();
        totals.count(report.outcome);
        let _ = self.answer(saltprint, asked, Action::Lookup, Some(QueryDigest::of(bytes)), &totals)?;
        Ok(report)
    }

    /// Writes a question down with its answer. The answer may leave when this has returned a receipt, and not before.
    ///
    /// # Errors
    /// [`Error::Refused`] where a limit is reached, which is in the log; [`Error::Audit`].
    pub fn answer(
        &self,
        saltprint: &Saltprint,
        asked: &AskedFor,
        action: Action,
        query: Option<QueryDigest>,
        totals: &TriageTotals,
    ) -> Result<Receipt, Error> {
        let mut draft = self.question(saltprint, asked, action, query)?;
        draft = draft.results(Results::of(totals.matches, totals.possible, totals.no_match));
        self.admit(draft)
    }

    /// Writes a question down whose answer will leave piece by piece.
    ///
    /// # Errors
    /// As [`Auditor::answer`].
    pub fn begin(
        &self,
        saltprint: &Saltprint,
        asked: &AskedFor,
        action: Action,
        query: Option<QueryDigest>,
    ) -> Result<Receipt, Error> {
        self.admit(self.question(saltprint, asked, action, query)?)
    }

    fn admit(&self, draft: Draft) -> Result<Receipt, Error> {
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        match self.log.admit(&mut limiter, draft)? {
            Admission::Granted(receipt) => Ok(receipt),
            Admission::Refused { refusal, .. } => Err(Error::Refused { reason: refusal.to_string() }),
        }
    }

    /// Writes down the results of what was [begun](Auditor::begin).
    ///
    /// # Errors
    /// [`Error::Audit`].
    pub fn end(
        &self,
        saltprint: &Saltprint,
        asked: &AskedFor,
        action: Action,
        totals: &TriageTotals,
    ) -> Result<Receipt, Error> {
        let draft = self.question(saltprint, asked, action, None)?;
        let results = Results::of(totals.matches, totals.possible, totals.no_match);
        Ok(self.log.append(draft.results(results))?)
    }

    /// Writes down what is no question.
    ///
    /// # Errors
    /// [`Error::Audit`].
    pub fn note(&self, action: Action, generation: Option<(u64, [u8; 32])>) -> Result<Receipt, Error> {
        let mut draft = Draft::new(&self.who, action, SystemTime::now());
        if let Some((number, root)) = generation {
            draft = draft.generation(number, root);
        }
        Ok(self.log.append(draft)?)
    }

    fn draft(&self, asked: &AskedFor, action: Action) -> Draft {
        let mut draft = Draft::new(&self.who, action, SystemTime::now());
        if let Some(case) = &asked.case {
            draft = draft.case(case.clone());
        }
        if let Some(purpose) = &asked.purpose {
            draft = draft.purpose(purpose.clone());
        }
        draft
    }

    fn question(
        &self,
        saltprint: &Saltprint,
        asked: &AskedFor,
        action: Action,
        query: Option<QueryDigest>,
    ) -> Result<Draft, Error> {
        let (number, root) = saltprint.generation();
        let matching = &saltprint.config().matching;
        let quick = if matching.cascade.looks == Looks::Quick { " quick" } else { "" };
        let rule = matching.rule;
        let thresholds =
            format!("strong {:e} possible {:e}{quick}", rule.strong_chance, rule.possible_chance);
        let mut draft = self.draft(asked, action).generation(number, root);
        draft = draft.thresholds(Thresholds::new(thresholds.as_str())?);
        if let Some(query) = query {
            draft = draft.query(query);
        }
        Ok(draft)
    }
}

impl std::fmt::Debug for Auditor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auditor").field("log", &self.log.dir()).finish_non_exhaustive()
    }
}
