//! Strict hardening, in a process of its own and in one test: it holds for the whole process.

use saltprint_keys::{
    IndexKey,
    hardening::{HardeningError, disable_core_dumps, harden},
    keygen, system_random,
};

#[test]
fn strictness_is_granted_or_refused_with_a_reason() {
    // What is not granted yet is missed.
    assert!(matches!(harden(true), Err(HardeningError::CoreDumps(_))));
    disable_core_dumps().unwrap();
    #[cfg(target_os = "linux")]
    {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(line.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    }
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("keys");
    keygen(&dir, std::time::SystemTime::now(), &mut system_random).unwrap();
    match harden(true) {
        Ok(hardening) => {
            assert!(hardening.core_dumps_off && hardening.memory_locked);
            assert_eq!(hardening.memory_undumped, cfg!(target_os = "linux"));
            IndexKey::load_from_dir(&dir).unwrap();
        }
        // Some systems allow no locked memory at all; then no key is loaded.
        Err(error) => {
            assert!(matches!(error, HardeningError::Lock), "{error}");
            assert!(IndexKey::load_from_dir(&dir).is_err());
        }
    }
    // Threads that derive and drop share the arena.
    if let Ok(key) = IndexKey::load_from_dir(&dir) {
        let expected = *key.derive(saltprint_keys::Context::SEGMENT_MAC, b"salt").expose();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        let subkey = key.derive(saltprint_keys::Context::SEGMENT_MAC, b"salt");
                        assert_eq!(subkey.expose(), &expected);
                    }
                });
            }
        });
    }
}
