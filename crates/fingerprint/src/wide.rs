//! Loops over many numbers, for the processor at hand.

/// Compiles a function once for each width of vectors that processors have, and takes the right one when it is called.
///
/// The function does to each element what it does for the others, or adds integers up: then the width changes nothing about its
/// result. Sums of floats in it stay in the order that is written, on every processor.
macro_rules! wide {
    ($($function:item)+) => {$(
        #[multiversion::multiversion(targets(
            "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
        ))]
        $function
    )+};
}

pub(crate) use wide;
