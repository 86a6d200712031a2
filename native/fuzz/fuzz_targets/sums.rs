#![no_main]

use gradroll_kernel_fuzz::properties::sums;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sums::sums(data));
