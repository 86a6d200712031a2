#![no_main]

use gradroll_kernel_fuzz::properties::shares;

libfuzzer_sys::fuzz_target!(|data: &[u8]| shares::masks(data));
