//! Damaged conversations: what a client sends, what a server answers, the greetings of both. None makes the other side panic, takes long, or
//! much memory. How long each is tried, and what the environment can set, stands in `src/data/tests/damage/mutants.rs`.

use crate::damage::hammer;
use crate::greeting::{self, Verdict};
use crate::wire::Put as _;
use crate::{client, server, shape};
use saddle_backend::{CallResult, Library, MOST_AXES, Made, Op, Reach, Status, With};
use std::ffi::c_void;
use std::io::{Read, Result, Write};

/// Nobody may hold more at once, in bytes; another test of this process holds half of it.
const MOST: usize = 96 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// A server reads what a client sends, and computes.
    Calls,
    /// A client reads what a server answers.
    Answers,
    /// A server greets a client.
    Server,
    /// A client greets a server.
    Client,
}

/// A library that computes nothing: what it gives has the sizes that an operation has.
struct Sizes;

impl Reach for Sizes {
    fn call(&self, op: Op, with: &With) -> CallResult {
        let mut made = [Made::NOTHING; 2];
        if op.computes() {
            for (made, sizes) in made.iter_mut().zip(shape::results(op, with)) {
                if sizes.len() <= MOST_AXES {
                    made.rank = sizes.len() as u32;
                    made.sizes.iter_mut().zip(sizes).for_each(|(to, size)| *to = size as u64);
                    // Nothing is behind it.
                    made.handle = std::ptr::without_provenance(1);
                }
            }
        }
        CallResult { status: Status::Done, made, ints: [0; 4], bytes: b"0\n1".to_vec() }
    }

    fn release(&self, _: *const c_void) {}
}

/// What a server answers, as the library that a client sees.
struct Answers(Vec<u8>);

impl Reach for Answers {
    fn call(&self, op: Op, _: &With) -> CallResult {
        let read = client::answer(&mut &self.0[..], 1 << 24);
        read.unwrap_or_else(|e| CallResult {
            status: Status::Lost,
            made: [Made::NOTHING; 2],
            ints: [op as i64; 4],
            bytes: e.to_string().into(),
        })
    }

    fn release(&self, _: *const c_void) {}
}

/// The other side, played by bytes.
struct Played<'a> {
    says: &'a [u8],
    heard: Vec<u8>,
}

impl Read for Played<'_> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        self.says.read(to)
    }
}

impl Write for Played<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.heard.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

const TOKEN: &str = "0123456789abcdef";

fn read(side: Side, bytes: &[u8], way: usize) -> bool {
    match side {
        Side::Calls => {
            static SIZES: std::sync::OnceLock<Library> = std::sync::OnceLock::new();
            let library = SIZES.get_or_init(|| Library::over(&Sizes));
            server::answered(library, bytes).1
        }
        Side::Answers => {
            // For ever, as a library is.
            let answers: &'static Answers = Box::leak(Box::new(Answers(bytes.to_vec())));
            let op = [Op::Read, Op::Adapters, Op::Opened, Op::LastLost][way % 4];
            let library = Library::over(answers);
            library.answer(op, With::default()).is_ok_and(|answer| answer.text().len() < usize::MAX)
        }
        Side::Server => {
            let mut played = Played { says: bytes, heard: vec![] };
            let verdict = greeting::receive(&mut played, TOKEN, "wgpu", || way.is_multiple_of(2));
            // Nobody comes in whose proof is of other random numbers.
            assert!(!verdict.as_ref().is_ok_and(|v| *v != Verdict::WrongToken));
            verdict.is_ok()
        }
        Side::Client => {
            let mut played = Played { says: bytes, heard: vec![] };
            // Nor is a server believed.
            assert!(greeting::enter(&mut played, "h:1", TOKEN).is_err());
            !played.heard.is_empty()
        }
    }
}

struct Call<'a> {
    freed: &'a [u64],
    op: Op,
    results: &'a [&'a [u64]],
    tensors: &'a [u64],
    ints: &'a [i64],
    floats: &'a [f32],
    data: &'a [u8],
}

/// Calls as a client sends them, the tensors that they give numbered from 1.
fn sent(calls: &[Call]) -> Vec<u8> {
    let (mut out, mut first) = (Vec::new(), 1);
    for call in calls {
        let mut put = || -> Result<()> {
            out.put_all(call.freed, u64::to_le_bytes)?;
            out.put_u32(call.op as u32)?;
            out.put_u32(1)?;
            out.put_u64(first)?;
            out.put_u32(call.results.len() as u32)?;
            call.results.iter().try_for_each(|sizes| out.put_all(sizes, u64::to_le_bytes))?;
            out.put_all(call.tensors, u64::to_le_bytes)?;
            out.put_all(call.ints, i64::to_le_bytes)?;
            out.put_all(call.floats, f32::to_le_bytes)?;
            out.put_bytes(call.data)
        };
        put().unwrap();
        first += call.results.len() as u64;
    }
    out
}

fn seeds() -> Vec<(Side, Vec<u8>)> {
    let plain = Call { freed: &[], op: Op::Sync, results: &[], tensors: &[], ints: &[], floats: &[], data: &[] };
    let upload = || Call { op: Op::Upload, results: &[&[2, 3]], ints: &[1, 0, 2, 3], data: &[7; 24], ..plain };
    let ask = |op| Call { op, tensors: &[1], ..plain };
    let step = sent(&[
        upload(),
        Call { op: Op::Full, results: &[&[2, 3]], ints: &[1, 0, 2, 3], floats: &[0.5], ..plain },
        Call { op: Op::Add, results: &[&[2, 3]], tensors: &[1, 2], ..plain },
        Call { op: Op::MaxDim, results: &[&[2, 1], &[2, 1]], tensors: &[3], ints: &[1], freed: &[2], ..plain },
        ask(Op::Read),
    ]);
    let shapes = sent(&[
        upload(),
        Call { op: Op::Reshape, results: &[&[3, 2]], tensors: &[1], ints: &[3, 2], ..plain },
        Call { op: Op::Matmul, results: &[&[2, 2]], tensors: &[1, 2], ..plain },
        Call { op: Op::Slice, results: &[&[1, 2]], tensors: &[1], ints: &[0, 1, 1, 3], ..plain },
        Call { op: Op::Cat, results: &[&[4, 3]], tensors: &[1, 1], ints: &[0], ..plain },
        Call { op: Op::Permute, results: &[&[3, 2]], tensors: &[1], ints: &[1, 0], ..plain },
        Call { op: Op::Select, results: &[&[2, 6]], tensors: &[1, 1], ints: &[1], ..plain },
        ask(Op::Sync),
    ]);
    let pictures = sent(&[
        Call { op: Op::Full, results: &[&[1, 1, 4, 4]], ints: &[1, 0, 1, 1, 4, 4], floats: &[1.0], ..plain },
        Call { op: Op::Full, results: &[&[1, 1, 2, 2]], ints: &[1, 0, 1, 1, 2, 2], floats: &[1.0], ..plain },
        Call { op: Op::Conv2d, results: &[&[1, 1, 3, 3]], tensors: &[1, 2], ints: &[1, 1, 0, 0, 1, 1, 1], ..plain },
        Call {
            op: Op::ConvTranspose2d,
            results: &[&[1, 1, 5, 5]],
            tensors: &[1, 2],
            ints: &[1, 1, 0, 0, 1, 1, 1, 0, 0],
            ..plain
        },
        Call { op: Op::Open, ints: &[1, 0], data: b"wgpu", ..plain },
        ask(Op::Lost),
        ask(Op::Listen),
    ]);
    let mut seeds: Vec<_> = [step, shapes, pictures].into_iter().map(|bytes| (Side::Calls, bytes)).collect();
    for (status, text) in [(0u32, &b"wgpu\ta card"[..]), (1, b"a message\0a hint"), (3, b"lost"), (4, b"broke off")] {
        let mut answer = Vec::new();
        answer.put_u32(status).unwrap();
        (0..4).try_for_each(|n| answer.put_u64(n)).unwrap();
        answer.put_bytes(text).unwrap();
        seeds.push((Side::Answers, answer));
    }
    // What a server says first holds the name of this build.
    let mut played = Played { says: &[], heard: vec![] };
    assert!(greeting::receive(&mut played, TOKEN, "wgpu", || false).is_err());
    let hello = played.heard;
    let mut welcome = [&hello[..], &[Verdict::Welcome as u8], &[0; 32]].concat();
    welcome.put_bytes(b"wgpu").unwrap();
    seeds.push((Side::Client, [&hello[..], &[Verdict::Full as u8]].concat()));
    seeds.push((Side::Client, welcome));
    seeds.push((Side::Server, [&hello[..8], &[3; 64]].concat()));
    seeds
}

#[test]
fn damaged_conversations_do_no_harm() {
    let seeds = seeds();
    let refused = seeds.iter().filter(|(side, bytes)| !read(*side, bytes, 0));
    // Answers that are not well.
    assert_eq!(refused.count(), 3);
    hammer(&seeds, MOST, |_, _, _| (), read);
}
