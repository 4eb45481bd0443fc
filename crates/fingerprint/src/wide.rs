//! Loops over many numbers, for the processor at hand.

/// Compiles a function for AVX2 as well, and takes that where the processor has it. (AVX-512 gained nothing.)
///
/// The function does to each element what it does for the others, or adds integers up: then the width changes nothing about its
/// result. Sums of floats in it stay in the order that is written, on every processor, as long as no instructions are named here
/// that multiply and add at once (`fma`).
///
/// Write loops, and no closures: a closure is compiled for AVX2 like the function that it is in, and the iterator that calls it is not, so
/// it stays a call for each element. The whole-image product took sixty times as long that way.
macro_rules! wide {
    ($($function:item)+) => {$(
        #[multiversion::multiversion(targets(
            "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
        ))]
        $function
    )+};
}

pub(crate) use wide;
