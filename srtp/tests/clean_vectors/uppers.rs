//! The state of the upper halves of the vector registers.

use std::collections::HashMap;
use std::fmt;

use iced_x86::{Decoder, DecoderOptions, EncodingKind, Instruction, Mnemonic, Register};

/// What an instruction does to that state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It has to do with no vectors, or with 128 bits of them in the newer encodings.
    None,
    /// It writes or reads 256 or 512 bits.
    Dirties,
    /// It zeroes all upper halves.
    Cleans,
    /// It has SSE's encoding, and suffers if they are dirty.
    Suffers,
}

/// Follows the state, and remembers what the instructions at each address are.
#[derive(Debug, Default)]
pub(crate) struct Uppers {
    effects: HashMap<u64, Effect>,
}

/// What happened in a piece of code.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    instructions: usize,
    /// Instructions in SSE's encoding that met dirty registers.
    suffered: usize,
    /// The first of them.
    first: Option<Instruction>,
    /// Whether the registers were dirty at the end.
    left_dirty: bool,
}

impl Uppers {
    /// Follows the instructions at these addresses, which ran in this process, from clean registers
    /// on.
    pub(crate) fn follow(&mut self, addresses: &[u64]) -> Trace {
        let mut trace = Trace {
            instructions: addresses.len(),
            ..Trace::default()
        };
        for &address in addresses {
            let effect = self.effects.entry(address);
            match effect.or_insert_with(|| effect_of(&decode(address))) {
                Effect::None => {}
                Effect::Dirties => trace.left_dirty = true,
                Effect::Cleans => trace.left_dirty = false,
                Effect::Suffers if trace.left_dirty => {
                    trace.suffered += 1;
                    trace.first.get_or_insert_with(|| decode(address));
                }
                Effect::Suffers => {}
            }
        }
        trace
    }
}

impl Trace {
    pub(crate) fn is_clean(&self) -> bool {
        self.suffered == 0 && !self.left_dirty
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.suffered, self.instructions)?;
        if let Some(first) = self.first {
            write!(f, ", the first {:?} at {:#x}", first.mnemonic(), first.ip())?;
        }
        if self.left_dirty {
            write!(f, ", left dirty")?;
        }
        Ok(())
    }
}

/// The instruction at an address.
fn decode(address: u64) -> Instruction {
    // SAFETY: an instruction ran there. Code is followed by more than the rest of the longest.
    let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, LONGEST) };
    let instruction = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE).decode();
    assert!(!instruction.is_invalid(), "an instruction that ran");
    instruction
}

/// Bytes in the longest instruction.
const LONGEST: usize = 15;

fn effect_of(instruction: &Instruction) -> Effect {
    let is_sse = instruction.encoding() == EncodingKind::Legacy;
    match instruction.mnemonic() {
        Mnemonic::Vzeroupper | Mnemonic::Vzeroall => Effect::Cleans,
        _ if has_operand(instruction, is_wide) => Effect::Dirties,
        _ if is_sse && has_operand(instruction, Register::is_xmm) => Effect::Suffers,
        _ => Effect::None,
    }
}

fn has_operand(instruction: &Instruction, is: impl Fn(Register) -> bool) -> bool {
    (0..instruction.op_count()).any(|operand| is(instruction.op_register(operand)))
}

/// The registers from 16 on have no place in SSE: they make nothing dirty, and `vzeroupper` passes
/// them over.
fn is_wide(register: Register) -> bool {
    (register.is_ymm() || register.is_zmm()) && register.number() < 16
}
