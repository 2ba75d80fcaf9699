//! What a thread works with. It belongs to the thread, so that a silent connection costs none of it.

use gateway_protocols::conversation::Plan;

/// Bytes that one read takes. Larger ones would cost each thread more memory.
pub const BUFFER: usize = 64 * 1024;

#[derive(Debug)]
pub struct Desk {
    pub buffer: Vec<u8>,
    /// Where encrypted bytes are read to.
    pub scratch: Vec<u8>,
    pub plan: Plan,
}

impl Desk {
    pub fn new() -> Self {
        Self { buffer: vec![0; BUFFER], scratch: Vec::new(), plan: Plan::default() }
    }
}
