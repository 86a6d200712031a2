//! Readers of the iden3 binary formats `.r1cs` (version 1) and `.wtns` (version 2), 32-byte elements.

use std::error::Error;

use ark_bn254::Fr;
use ark_ff::PrimeField;
use ark_relations::gr1cs::Matrix;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HEADER: u32 = 1;
const BODY: u32 = 2;
const ELEMENT: usize = 32;

/// A rank-1 constraint system over wires `[1 | public | private]`.
pub struct System {
    /// Public wires, with the constant.
    pub public: usize,
    /// A, B and C by rows.
    pub matrices: [Matrix<Fr>; 3],
}

/// Reads from the front of a byte slice.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, tail) = self
            .0
            .split_at_checked(count)
            .ok_or("the file ends early")?;
        self.0 = tail;
        Ok(head)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into()?))
    }

    fn element(&mut self) -> Result<Fr> {
        Ok(Fr::from_le_bytes_mod_order(self.take(ELEMENT)?))
    }

    fn combination(&mut self) -> Result<Vec<(Fr, usize)>> {
        let count = self.u32()?;
        let entry = |_| -> Result<(Fr, usize)> {
            let wire = self.u32()? as usize;
            Ok((self.element()?, wire))
        };
        (0..count).map(entry).collect()
    }
}

/// The header and body sections of a file.
fn sections<'a>(file: &'a [u8], magic: &[u8]) -> Result<(Reader<'a>, Reader<'a>)> {
    let mut reader = Reader(file);
    if reader.take(4)? != magic {
        return Err("another file format".into());
    }
    reader.u32()?;
    let (mut header, mut body) = (None, None);
    for _ in 0..reader.u32()? {
        let (kind, size) = (reader.u32()?, reader.u64()?);
        let section = Reader(reader.take(size.try_into()?)?);
        match kind {
            HEADER => header = Some(section),
            BODY => body = Some(section),
            _ => {}
        }
    }
    Ok((
        header.ok_or("no header section")?,
        body.ok_or("no body section")?,
    ))
}

fn check_field(header: &mut Reader<'_>) -> Result<()> {
    if header.u32()? as usize != ELEMENT {
        return Err("elements are not of 32 bytes".into());
    }
    let limbs = Fr::MODULUS.0;
    let modulus: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    if header.take(ELEMENT)? != modulus {
        return Err("another field than that of BN254".into());
    }
    Ok(())
}

/// Reads a constraint system.
pub fn read_r1cs(file: &[u8]) -> Result<System> {
    let (mut header, mut body) = sections(file, b"r1cs")?;
    check_field(&mut header)?;
    header.u32()?;
    let public = 1 + header.u32()? as usize + header.u32()? as usize;
    header.u32()?;
    header.u64()?;
    let mut matrices = [const { Vec::new() }; 3];
    for _ in 0..header.u32()? {
        for matrix in &mut matrices {
            matrix.push(body.combination()?);
        }
    }
    Ok(System { public, matrices })
}

/// Reads an assignment.
pub fn read_wtns(file: &[u8]) -> Result<Vec<Fr>> {
    let (mut header, mut body) = sections(file, b"wtns")?;
    check_field(&mut header)?;
    (0..header.u32()?).map(|_| body.element()).collect()
}
