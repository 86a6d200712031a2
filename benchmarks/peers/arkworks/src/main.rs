//! `gradroll-peer-arkworks FILE.r1cs FILE.wtns`: keys for the constraint system, then one measured proof for
//! every line of standard input (`matrices` or `synthesis`), answered by one line of JSON.
//!
//! `matrices` starts from compiled matrices and a full assignment, as gradroll's prover does; `synthesis` is the
//! public `prove`, which rebuilds the constraint system first.

mod iden3;

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Instant;

use ark_bn254::{Bn254, Fr};
use ark_ff::UniformRand;
use ark_groth16::{Groth16, ProvingKey, prepare_verifying_key};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, LinearCombination, Matrix,
    R1CS_PREDICATE_LABEL, SynthesisError, Variable,
};
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;

use crate::iden3::System;

/// A system with its assignment, fed to arkworks row by row.
#[derive(Clone, Copy)]
struct Loaded<'a> {
    system: &'a System,
    assignment: &'a [Fr],
}

impl Loaded<'_> {
    fn combination(&self, row: &[(Fr, usize)]) -> LinearCombination<Fr> {
        let public = self.system.public;
        let variable = |wire: usize| match wire {
            0 => Variable::One,
            w if w < public => Variable::instance(w),
            w => Variable::witness(w - public),
        };
        LinearCombination(row.iter().map(|(c, wire)| (*c, variable(*wire))).collect())
    }
}

impl ConstraintSynthesizer<Fr> for Loaded<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let (public, private) = self.assignment.split_at(self.system.public);
        for value in &public[1..] {
            let _ = cs.new_input_variable(|| Ok(*value))?;
        }
        for value in private {
            let _ = cs.new_witness_variable(|| Ok(*value))?;
        }
        let [a, b, c] = &self.system.matrices;
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            cs.enforce_r1cs_constraint(
                || self.combination(a),
                || self.combination(b),
                || self.combination(c),
            )?;
        }
        Ok(())
    }
}

/// CPU seconds of all threads of this process.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a live timespec, and the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Peak resident memory of this process in bytes.
fn peak_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next());
    Ok(kibibytes.ok_or("no VmHWM")?.parse::<u64>()? * 1024)
}

fn measured<T>(work: impl FnOnce() -> T) -> (T, f64, f64) {
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let result = work();
    (result, cpu_seconds() - cpu, wall.elapsed().as_secs_f64())
}

fn matrices_of(loaded: Loaded<'_>) -> Result<Vec<Matrix<Fr>>, SynthesisError> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    loaded.generate_constraints(cs.clone())?;
    cs.finalize();
    let mut matrices = cs.to_matrices()?;
    matrices
        .remove(R1CS_PREDICATE_LABEL)
        .ok_or(SynthesisError::PredicateNotFound)
}

fn answer(line: &str) -> Result<(), Box<dyn Error>> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn serve(
    key: &ProvingKey<Bn254>,
    matrices: &[Matrix<Fr>],
    loaded: Loaded<'_>,
    rng: &mut StdRng,
) -> Result<(), Box<dyn Error>> {
    let prepared = prepare_verifying_key(&key.vk);
    let (public, constraints) = (loaded.system.public, loaded.system.matrices[0].len());
    for mode in stdin().lock().lines() {
        let (r, s) = (Fr::rand(rng), Fr::rand(rng));
        let mode = mode?;
        let (proof, cpu, wall) = measured(|| match mode.as_str() {
            "matrices" => Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
                key,
                r,
                s,
                matrices,
                public,
                constraints,
                loaded.assignment,
            ),
            _ => Groth16::<Bn254>::create_proof_with_reduction(loaded, key, r, s),
        });
        let inputs = &loaded.assignment[1..public];
        if !Groth16::<Bn254>::verify_proof(&prepared, &proof?, inputs)? {
            return Err("the proof does not verify".into());
        }
        let peak = peak_bytes()?;
        answer(&format!(
            r#"{{"cpu": {cpu:.6}, "wall": {wall:.6}, "peak_bytes": {peak}}}"#
        ))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args().skip(1);
    let (Some(r1cs), Some(wtns)) = (paths.next(), paths.next()) else {
        return Err("usage: gradroll-peer-arkworks FILE.r1cs FILE.wtns".into());
    };
    let system = iden3::read_r1cs(&std::fs::read(r1cs)?)?;
    let assignment = iden3::read_wtns(&std::fs::read(wtns)?)?;
    let loaded = Loaded {
        system: &system,
        assignment: &assignment,
    };
    // Keys of a measurement: a fixed seed makes runs comparable, and nobody relies on the proofs.
    let mut rng = StdRng::seed_from_u64(1);
    let (key, cpu, wall) =
        measured(|| Groth16::<Bn254>::generate_random_parameters_with_reduction(loaded, &mut rng));
    let matrices = matrices_of(loaded)?;
    answer(&format!(r#"{{"cpu": {cpu:.6}, "wall": {wall:.6}}}"#))?;
    serve(&key?, &matrices, loaded, &mut rng)
}
