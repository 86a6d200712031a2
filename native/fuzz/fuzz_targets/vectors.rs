#![no_main]

use gradroll_kernel_fuzz::properties::scalars;

libfuzzer_sys::fuzz_target!(|data: &[u8]| scalars::vectors(data));
