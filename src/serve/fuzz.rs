//! Damaged history files and kernelspecs: none makes a reader panic or takes long. How long each is tried, and what the environment can
//! set, stands in `src/data/tests/damage/mutants.rs`.

use crate::folder::Folder;
use crate::history::History;
use crate::kernelspec;
use crate::mutants::{Nobody, hammer};
use saddle_wire::request;
use serde_json::json;
use std::fs;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    History,
    KernelSpec,
}

fn read(reader: Reader, bytes: &[u8], way: usize, folder: &Path) -> bool {
    match reader {
        Reader::History => {
            let file = folder.join("history.jsonl");
            fs::write(&file, bytes).unwrap();
            let mut history = History::open(Some(&file));
            history.ran(1, "1 + 1");
            history.gave(1, "2");
            let session = [0, -1, i64::MIN, i64::MAX, 2][way % 5];
            let query = [
                json!({ "hist_access_type": "range", "session": session, "start": way as i64 - 3, "output": true }),
                json!({ "hist_access_type": "search", "pattern": "*a?", "unique": true, "n": 2 }),
                json!({ "hist_access_type": "tail", "n": way }),
            ];
            let query: request::History = serde_json::from_value(query[way % 3].clone()).unwrap();
            history.look_up(&query);
            // The session is there when the file is opened again, with its cell.
            let tail: request::History = serde_json::from_value(json!({ "hist_access_type": "tail", "n": 1 })).unwrap();
            let again = History::open(Some(&file)).look_up(&tail);
            assert_eq!(again[0][2], "1 + 1");
            true
        }
        Reader::KernelSpec => kernelspec::reads(bytes, folder),
    }
}

#[test]
fn damaged_files_of_jupyter_do_no_harm() {
    let folder = Folder::new("serve");
    let history =
        "[1, 0, \"\"]\n[1, 1, \"let a = 1;\\n😀\"]\n[2, 0, \"\"]\n[2, 17, \"b\"]\n[-3, 1, \"c\"]\n[2, 3, \"cut o";
    let spec = json!({
        "argv": ["{resource_dir}/../bin/saddle", "kernel", "-f", "{connection_file}"],
        "display_name": "Saddlepoint",
        "language": "rhai",
        "env": { "RAYON_NUM_THREADS": "2" },
        "metadata": { "debugger": false, "saddlepoint": "0.1.0" },
    });
    let seeds =
        [(Reader::History, history.as_bytes().to_vec()), (Reader::KernelSpec, format!("{spec:#}\n").into_bytes())];
    let refused = seeds.iter().filter(|(reader, bytes)| !read(*reader, bytes, 0, folder.path()));
    assert_eq!(refused.count(), 0);
    hammer(&seeds, (0, Nobody), |_, _, _| (), |reader, bytes, way| read(reader, bytes, way, folder.path()));
}
