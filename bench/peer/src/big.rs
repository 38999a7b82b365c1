//! Generates the component that `load-artifact` loads: about 12 MB, the size of a JavaScript guest. The
//! output is deterministic, and no JavaScript tools are needed.

/// The number of functions, and the average size of their bodies in bytes: about 9.5 MB of code, in
/// functions of the size that a scripting language's engine has.
const FUNCTIONS: u32 = 14_000;
const BODY: usize = 680;
/// The size of the data segment in bytes, similar to a runtime's heap snapshot.
const DATA: usize = 2_500_000;
const PAGES: u32 = 64;

/// Returns the component: one core module, and `run: func(a: u32) -> u32`, which calls it.
pub fn component() -> Vec<u8> {
    let module = module();
    let mut out = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut out, 1, &module); // core module 0
    // Core instance 0: instantiate module 0 without imports.
    section(&mut out, 2, &[1, 0x00, 0, 0]);
    // Type 0: func(a: u32) -> u32.
    section(&mut out, 7, &[1, 0x40, 1, 1, b'a', 0x79, 0x00, 0x79]);
    // Core func 0: the export "run" of core instance 0.
    section(&mut out, 6, &[1, 0x00, 0x00, 0x01, 0, 3, b'r', b'u', b'n']);
    // Func 0: canon lift of core func 0, no options, of type 0.
    section(&mut out, 8, &[1, 0x00, 0x00, 0, 0, 0]);
    // Export "run".
    section(&mut out, 11, &[1, 0x00, 3, b'r', b'u', b'n', 0x01, 0, 0x00]);
    out
}

fn module() -> Vec<u8> {
    let mut random = Random(0x7461_6972_6974_7375);
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    section(&mut out, 1, &[1, 0x60, 1, 0x7f, 1, 0x7f]); // (func (param i32) (result i32))

    let mut functions = Vec::new();
    leb(&mut functions, FUNCTIONS);
    functions.resize(functions.len() + FUNCTIONS as usize, 0);
    section(&mut out, 3, &functions);

    // A table with every function, as in a C++ program.
    let mut table = vec![1, 0x70, 0x00];
    leb(&mut table, FUNCTIONS);
    section(&mut out, 4, &table);
    section(&mut out, 5, &[1, 0x00, PAGES as u8]);
    section(&mut out, 7, &[1, 3, b'r', b'u', b'n', 0x00, 0]);

    let mut elements = vec![1, 0x00, 0x41, 0, 0x0b];
    leb(&mut elements, FUNCTIONS);
    for function in 0..FUNCTIONS {
        leb(&mut elements, function);
    }
    section(&mut out, 9, &elements);

    let mut code = Vec::new();
    leb(&mut code, FUNCTIONS);
    for function in 0..FUNCTIONS {
        let body = body(function, &mut random);
        leb(&mut code, body.len() as u32);
        code.extend(body);
    }
    section(&mut out, 10, &code);

    let mut data = vec![1, 0x00, 0x41];
    signed_leb(&mut data, 1024);
    data.push(0x0b);
    leb(&mut data, DATA as u32);
    for _ in 0..DATA {
        data.push(random.next() as u8);
    }
    section(&mut out, 11, &data);
    out
}

/// Emits arithmetic, loads, stores, branches, and calls of later functions only, so that every call ends.
fn body(function: u32, random: &mut Random) -> Vec<u8> {
    let mut out = vec![1, 2, 0x7f]; // two i32 locals in addition to the parameter
    let size = BODY / 2 + random.below(BODY as u32) as usize;
    while out.len() < size {
        match random.below(8) {
            0..=3 => {
                // local = (local op local) op constant
                out.extend([0x20, random.below(3) as u8, 0x20, random.below(3) as u8]);
                out.push([0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73][random.below(6) as usize]);
                out.push(0x41);
                signed_leb(&mut out, random.next() as i32);
                out.push([0x6a, 0x6b, 0x73][random.below(3) as usize]);
                out.extend([0x21, random.below(3) as u8]);
            }
            4 => {
                // local = memory[local & 0xffff]
                out.extend([0x20, random.below(3) as u8, 0x41]);
                signed_leb(&mut out, 0xffff);
                out.extend([0x71, 0x28, 2]);
                leb(&mut out, random.below(1 << 16));
                out.extend([0x21, random.below(3) as u8]);
            }
            5 => {
                // memory[local & 0xffff] = local
                out.extend([0x20, random.below(3) as u8, 0x41]);
                signed_leb(&mut out, 0xffff);
                out.extend([0x71, 0x20, random.below(3) as u8, 0x36, 2]);
                leb(&mut out, random.below(1 << 16));
            }
            6 => {
                // if local { local = local + 1 }
                let local = random.below(3) as u8;
                out.extend([0x20, random.below(3) as u8, 0x04, 0x40]);
                out.extend([0x20, local, 0x41, 1, 0x6a, 0x21, local, 0x0b]);
            }
            _ if function + 1 < FUNCTIONS => {
                // if local == constant { local = call(local) }
                let callee = function + 1 + random.below(FUNCTIONS - function - 1);
                out.extend([0x20, random.below(3) as u8, 0x41]);
                signed_leb(&mut out, random.next() as i32);
                out.extend([0x46, 0x04, 0x40, 0x20, random.below(3) as u8, 0x10]);
                leb(&mut out, callee);
                out.extend([0x21, random.below(3) as u8, 0x0b]);
            }
            _ => {}
        }
    }
    out.extend([0x20, 0, 0x0b]);
    out
}

fn section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    leb(out, content.len() as u32);
    out.extend_from_slice(content);
}

fn leb(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn signed_leb(out: &mut Vec<u8>, mut value: i32) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// xorshift64*: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next()) * u64::from(bound)) >> 32) as u32
    }
}
