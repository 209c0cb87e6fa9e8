//! The beginning and the end of a cell, as the kernel has to know them.

use super::abi::LINE_END;
use super::link::{receive, table};
use super::notebook::{ask, question};
use super::pack::Reader;

/// Lives as long as the cell runs. It is a variable like the cell's own: stored when the cell comes to its end, dropped
/// when it does not.
pub struct Cell__ {
    number: i64,
}

/// Says that a cell begins. The kernel puts it in front of each.
pub fn begin__(number: i64) -> Cell__ {
    watch_panics();
    let mut begun = question("begin", 1);
    begun.writer.int(number);
    if let Err(why) = ask(begun) {
        panic!("{why}");
    }
    Cell__ { number }
}

impl Drop for Cell__ {
    /// The cell ends early, by a panic or by a `?`. Or the next one ends, however: the kernel knows the number.
    fn drop(&mut self) {
        // A line that the cell has left open would run into evcxr's own lines.
        println!("{LINE_END}");
        let mut ended = question("ended", 3);
        ended.writer.int(self.number);
        match std::thread::panicking() {
            true => {
                let (message, line) = last_panic();
                ended.writer.text(&message);
                ended.writer.int(line);
            }
            false => {
                ended.writer.nothing();
                ended.writer.nothing();
            }
        }
        let _ = ask(ended);
    }
}

/// What the last panic of this thread said, and its line in the code that was compiled.
pub fn last_panic() -> (String, i64) {
    let said = receive(
        // SAFETY: the context is that of the reader.
        |context, deliver| unsafe { (table().last_panic)(context, deliver) },
        |bytes, _| {
            let mut reader = Reader(bytes);
            reader.list()?;
            Some((reader.text()?.to_string(), reader.int()?))
        },
    );
    said.flatten().unwrap_or_default()
}

/// Panics of cells and calls are told to the kernel, which shows them as errors; other threads say them on stderr.
pub fn watch_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("a panic that says nothing");
        // A line of a crate says nothing to who wrote the cell.
        let own = panic.location().filter(|at| at.file() == "src/lib.rs");
        let line = own.map_or(0, |at| at.line());
        // SAFETY: the text lives through the call.
        let told = unsafe { (table().panicked)(text.as_ptr(), text.len(), line) };
        if !told {
            eprintln!("a thread panicked: {text}");
        }
    }));
}
