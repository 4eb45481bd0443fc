//! Workers that were taken over: they are not closed in, speak the protocol by hand, and lie.

use std::io::{Cursor, Read as _, Write as _};
use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use saltprint_intake::{Limits, Opened};
use saltprint_worker::{Decoder, WORKER_ARGUMENT};

use crate::{files, workers};

/// Processor seconds that no worker gets: they say which lie it tells.
const LIES: u64 = 1_000_000_000;

/// Lies as a worker if this program was started as one that should.
pub(crate) fn lie_if_asked() -> Option<ExitCode> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, role, _, seconds] = &arguments[..] else { return None };
    let lie = seconds.parse::<u64>().ok()?.checked_sub(LIES).filter(|_| role == WORKER_ARGUMENT)?;
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map(OwnedFd::into).ok()?;
    Liar(socket).tell(lie);
    Some(ExitCode::SUCCESS)
}

struct Liar(UnixStream);

impl Liar {
    fn say(&mut self, header: &str, bytes: &[u8]) -> Option<()> {
        let lengths =
            [&u32::try_from(header.len()).ok()?.to_le_bytes()[..], &(bytes.len() as u64).to_le_bytes()];
        self.0.write_all(&[lengths.concat().as_slice(), header.as_bytes(), bytes].concat()).ok()
    }

    /// Waits for the next message and reads over it.
    fn hear(&mut self) -> Option<()> {
        let mut prefix = [0; 12];
        self.0.read_exact(&mut prefix).ok()?;
        let header = u32::from_le_bytes(prefix[..4].try_into().ok()?);
        let bytes = u64::from_le_bytes(prefix[4..].try_into().ok()?);
        let mut rest = vec![0; usize::try_from(u64::from(header) + bytes).ok()?];
        self.0.read_exact(&mut rest).ok()
    }

    fn part(&mut self, place: &str, role: &str) -> Option<()> {
        let header = format!(r#"{{"Part":{{"place":"{place}","role":{role},"behind":0.5,"what":"File"}}}}"#);
        self.say(&header, b"content")
    }

    /// Ends when the parent hangs up.
    fn tell(&mut self, lie: u64) -> Option<()> {
        // How many were started by this parent before: one is told from the next by a file.
        let count =
            std::env::temp_dir().join(format!("saltprint-liars-{}", std::os::unix::process::parent_id()));
        let closed_in = lie != LAYERS || std::fs::File::create_new(&count).is_ok();
        self.say(
            &format!(
                r#"{{"Ready":{{"version":1,"layers":[{{"kind":"system_calls","active":{closed_in},"detail":""}}]}}}}"#
            ),
            b"",
        )?;
        self.hear()?;
        match lie {
            NAME => self.part("-passport.jpg", r#""File""#),
            ITSELF => self.part("", r#"{"Page":{"document":""}}"#),
            NOTHING => self.say(r#""End""#, b""),
            PARTS => loop {
                self.part("/again", r#""File""#)?;
                self.hear()?;
            },
            PLACES => loop {
                self.part(&format!("/{}", "x".repeat(1 << 19)), r#""File""#)?;
                self.hear()?;
            },
            READS => loop {
                self.say(r#"{"Read":{"at":0,"most":1}}"#, b"")?;
                self.hear()?;
            },
            SLOWLY => loop {
                self.say(r#"{"Read":{"at":0,"most":262144}}"#, b"")?;
                thread::sleep(Duration::from_millis(700));
                self.hear()?;
            },
            _ => self.say(r#"{"Image":{"width":1,"height":1}}"#, b"x"),
        }?;
        self.hear()
    }
}

const NAME: u64 = 1;
const ITSELF: u64 = 2;
const NOTHING: u64 = 3;
const PARTS: u64 = 4;
const PLACES: u64 = 5;
const READS: u64 = 6;
const SLOWLY: u64 = 7;
const LAYERS: u64 = 8;

fn liars(lie: u64) -> Decoder {
    workers(|settings| (settings.cpu_seconds, settings.seconds, settings.items) = (LIES + lie, 1, 1))
}

/// The places that a walk gives, and the code of the last part.
fn walk(lie: u64) -> (Vec<String>, Option<&'static str>) {
    let entries = if lie == PLACES { 1_000 } else { 20 };
    let limits = Limits { entries, pages: 0, seconds: 1, ..Limits::default() };
    let file = vec![b'P'; 1 << 20];
    let opened = Opened::of_source(Box::new(Cursor::new(file.clone())), file.len() as u64);
    let (mut places, mut code) = (Vec::new(), None);
    liars(lie).for_each_part(opened, &limits, &mut |part| {
        code = part.content.err().map(|reject| reject.code());
        places.push(part.place);
        ControlFlow::Continue(())
    });
    (places, code)
}

pub(crate) fn what_no_walk_gives() {
    // A name that is another file's, a page that is its document, and a file that was not even looked at.
    for lie in [NAME, ITSELF, NOTHING] {
        assert_eq!(walk(lie), (vec![String::new()], Some("decoder_crashed")), "lie {lie}");
    }
}

pub(crate) fn walks_without_end() {
    let (places, code) = walk(PARTS);
    assert_eq!((places.len(), code), (22 + 1, Some("decoder_crashed")));
    let (places, code) = walk(PLACES);
    assert_eq!(code, Some("decoder_crashed"));
    let length = places.iter().map(String::len).sum::<usize>();
    assert!((60 << 20..65 << 20).contains(&length), "{length} bytes");
    for lie in [READS, SLOWLY] {
        let started = Instant::now();
        assert_eq!(walk(lie), (vec![String::new()], Some("decoder_time")), "lie {lie}");
        assert!(started.elapsed() < Duration::from_mins(1), "lie {lie}");
    }
}

pub(crate) fn workers_that_are_less_closed_in() {
    let decoder = liars(LAYERS);
    let (jpeg, limits) = (files::jpeg(), Limits::default());
    assert!(decoder.decode(&jpeg, &limits).is_ok() && !decoder.is_lost());
    assert_eq!(decoder.decode(&jpeg, &limits).unwrap_err().code(), "io_error");
    assert!(decoder.is_lost(), "what was not decoded for want of a worker is no outcome of the image");
    let _ =
        std::fs::remove_file(std::env::temp_dir().join(format!("saltprint-liars-{}", std::process::id())));
}
