#![no_main]

use gradroll_kernel_fuzz::properties::points;

libfuzzer_sys::fuzz_target!(|data: &[u8]| points::points(data));
