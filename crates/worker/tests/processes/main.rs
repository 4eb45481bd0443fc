//! Workers as processes. This program is its own worker, and its own prisoner of the sandbox; so it has no standard harness, and
//! takes names of tests as the standard one does.

#![expect(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "a harness and its tests")]

mod failures;
mod files;
#[cfg(feature = "heif")]
mod heif;
mod liar;
mod prisoner;
mod same;

use std::process::ExitCode;

use saltprint_worker::{Decoder, Settings};

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    ("images_are_the_same_as_in_process", same::images),
    ("rejects_are_the_same_as_in_process", same::rejects),
    ("parts_are_the_same_as_in_process", same::parts),
    ("a_walk_can_be_left", same::a_walk_can_be_left),
    ("what_breaks_a_worker_costs_one_item", failures::one_item),
    ("an_item_is_not_blamed_for_another", failures::no_blame_for_others),
    ("parts_before_a_crash_are_kept", failures::parts_before_a_crash),
    ("a_program_that_is_no_worker_is_told", failures::no_worker),
    ("what_no_walk_gives_is_not_believed", liar::what_no_walk_gives),
    ("walks_without_end_are_ended", liar::walks_without_end),
    ("workers_that_are_less_closed_in_are_not_used", liar::workers_that_are_less_closed_in),
    ("every_layer_is_told", prisoner::every_layer_is_told),
    ("the_sandbox_holds", prisoner::the_sandbox_holds),
    ("inherited_descriptors_are_closed", prisoner::inherited_descriptors),
    #[cfg(feature = "heif")]
    ("photos_of_phones_are_decoded_in_workers_only", heif::in_workers_only),
    #[cfg(feature = "heif")]
    ("a_photo_that_takes_too_much_memory_is_told", heif::memory),
];

fn main() -> ExitCode {
    if let Some(exit) = liar::lie_if_asked() {
        return exit;
    }
    if let Some(exit) = saltprint_worker::serve_watched(std::env::args_os(), &mut failures::misbehave) {
        return exit;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == prisoner::ARGUMENT) {
        return prisoner::run();
    }
    let wanted = |name: &str| {
        let mut filters = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
        filters.peek().is_none() || filters.any(|filter| name.contains(filter.as_str()))
    };
    let mut failed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u8::from(!passed);
    }
    failed.into()
}

/// Workers of this program.
fn workers(change: impl FnOnce(&mut Settings)) -> Decoder {
    let mut settings = Settings::default();
    change(&mut settings);
    Decoder::workers(settings).unwrap()
}
