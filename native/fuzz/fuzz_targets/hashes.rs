#![no_main]

use gradroll_kernel_fuzz::properties::sealing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealing::hashes(data));
