#![no_main]

use gradroll_kernel_fuzz::properties::seeds;

libfuzzer_sys::fuzz_target!(|data: &[u8]| seeds::seeds(data));
