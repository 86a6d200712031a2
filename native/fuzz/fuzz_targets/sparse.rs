#![no_main]

use gradroll_kernel_fuzz::properties::polynomials;

libfuzzer_sys::fuzz_target!(|data: &[u8]| polynomials::sparse(data));
