//! One piece of work, compiled for several instruction sets; the processor that runs it says which is taken.
//!
//! So a wheel for any x86-64 is as fast as a build for the processor at hand. Nothing is computed differently: vectors are
//! longer, and every operation is rounded by itself as before (Rust fuses no multiplication with an addition, whatever the
//! processor can do).

/// What is to be compiled for each instruction set: its inner loops are plain Rust that the compiler makes vectors of.
pub(crate) trait Work {
    /// What it gives.
    type Output;

    /// Do it. Implementations are `#[inline(always)]`, as is all that they call in their inner loops: a function that is
    /// not inlined has the instructions of the crate, not those of its caller.
    fn run(self) -> Self::Output;
}

/// Do `work` with the best instructions that this processor has.
#[inline]
pub(crate) fn with_best<W: Work>(work: W) -> W::Output {
    #[cfg(all(target_arch = "x86_64", not(target_feature = "avx2")))]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has these instructions: the line above asked it.
        #[allow(unsafe_code)]
        return unsafe { with_avx2(work) };
    }
    // What the crate was built for, which may be the very processor at hand.
    work.run()
}

#[cfg(all(target_arch = "x86_64", not(target_feature = "avx2")))]
#[target_feature(enable = "avx2")]
fn with_avx2<W: Work>(work: W) -> W::Output {
    work.run()
}
