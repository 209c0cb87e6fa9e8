//! Tables against sums by hand, and folders that hold one sweep.

use crate::figures::{self, Figure};
use crate::outcome::{Failing, RunResult, Status};
use crate::page::{self, Pictures};
use crate::plan::{Axis, FORMAT, Folder, Plan};
use crate::table::{Spread, Table};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A new folder, removed with all that is in it.
struct TestFolder(PathBuf);

impl TestFolder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("saddle-sweep-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn plan() -> Plan {
    let axis = |name: &str, values: Vec<Value>| Axis { name: name.into(), values };
    Plan {
        format: FORMAT,
        notebook: "/n.ipynb".into(),
        code: "abc".into(),
        grid: vec![axis("loss", vec![json!("hinge"), json!("a,b")]), axis("seed", vec![json!(0), json!(1), json!(2)])],
    }
}

fn outcome(status: Status, figures: &[(&str, f64)]) -> RunResult {
    let error = Failing { cell: 2, name: "CheckFailed".into(), message: "loss: 3 is not below 1".into() };
    RunResult {
        notebook: "n.ipynb".into(),
        status,
        exit: status.exit(),
        seconds: 1.5,
        parameters: serde_json::Map::new(),
        figures: figures.iter().map(|(what, value)| Figure::new(what, *value)).collect(),
        error: (status == Status::Failed).then_some(error),
    }
}

#[test]
fn a_grid_has_every_combination_once() {
    let runs = plan().runs();
    assert_eq!(runs.len(), 6);
    assert_eq!(plan().size(), Some(6));
    assert_eq!(Value::Object(runs[0].clone()), json!({ "loss": "hinge", "seed": 0 }));
    assert_eq!(Value::Object(runs[4].clone()), json!({ "loss": "a,b", "seed": 1 }));
}

/// 10²⁰ runs in a kilobyte, and none of as many.
#[test]
fn a_plan_of_more_runs_than_there_may_be_is_refused() {
    let place = TestFolder::new("large");
    let axis = |name: usize, n: usize| Axis { name: name.to_string(), values: vec![json!(0); n] };
    for last in [10, 0] {
        let grid = (0..19).map(|name| axis(name, 10)).chain([axis(19, last)]).collect();
        let plan = serde_json::to_string(&Plan { grid, ..plan() }).unwrap();
        std::fs::write(place.0.join("sweep.json"), plan).unwrap();
        assert!(Folder::open(&place.0).unwrap_err().message.contains("more than 100000 runs"));
    }
}

/// 1, 2, 6: mean 3, variance (4 + 1 + 9) / 2 = 7.
#[test]
fn the_spread_is_that_between_runs() {
    let spread = Spread::of(&[1.0, 2.0, 6.0]);
    assert_eq!((spread.n, spread.mean, spread.std), (3, 3.0, 7f64.sqrt()));
    assert!(Spread::of(&[1.0]).std.is_nan());
}

#[test]
fn failed_runs_are_named_and_not_averaged() {
    let place = TestFolder::new("table");
    let folder = Folder::begin(&place.0, &plan(), "{}").unwrap();
    for (run, status, value) in
        [(1, Status::Done, 1.0), (2, Status::Done, 2.0), (3, Status::Done, 6.0), (4, Status::Failed, 3.0)]
    {
        std::fs::create_dir_all(folder.run(run)).unwrap();
        folder.keep(run, &outcome(status, &[("fid", 99.0), ("fid", value)])).unwrap();
    }
    let table = Table::gather(&folder).unwrap();
    let over = table.replicate();
    assert_eq!(over, ["seed"]);
    let groups = table.groups(&over).unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!((groups[0].done, groups[0].figures[0]), (3, Spread::of(&[1.0, 2.0, 6.0])));
    assert_eq!((groups[1].done, groups[1].failed.clone(), groups[1].missing), (0, vec![4], 2));
    let csv = table.csv();
    assert!(csv.starts_with("run,status,seconds,loss,seed,fid,error\n1,done,1.500,hinge,0,1,\n"), "{csv}");
    assert!(csv.contains("4,failed,1.500,\"a,b\",0,3,CheckFailed: loss: 3 is not below 1\n"), "{csv}");
    let text = page::text(&table, &over).unwrap();
    assert!(text.contains("3 ± 2.646") && text.contains("failed: 4; missing: 2"), "{text}");
    let mut pictures = Pictures::new();
    pictures.insert(1, vec![("image/png".into(), "AAAA".into())]);
    let html = page::page("<t>", &table, &over, &pictures).unwrap();
    assert!(html.contains("3 ± 2.646") && html.contains("data:image/png;base64,AAAA") && html.contains("&lt;t&gt;"));
    let fault = table.groups(&["sede".into()]).unwrap_err();
    assert!(fault.message.contains("`sede`") && fault.hint.unwrap().contains("loss, seed"));
    // Lost and missing runs are to be run again, failed ones only if that is asked for.
    folder.keep(1, &outcome(Status::Lost, &[])).unwrap();
    assert_eq!(folder.pending(false).unwrap(), [1, 5, 6]);
    assert_eq!(folder.pending(true).unwrap(), [1, 4, 5, 6]);
    // What is there and cannot be read is not to be run again, and over it.
    let result = folder.run(2).join("result.json");
    std::fs::write(&result, [0xff, 0xfe]).unwrap();
    assert!(folder.pending(false).unwrap_err().message.contains("is damaged"));
    std::fs::remove_file(&result).unwrap();
    std::fs::create_dir(&result).unwrap();
    assert!(folder.pending(false).unwrap_err().message.contains("cannot be read"));
}

#[test]
fn two_sweeps_do_not_share_a_folder() {
    let place = TestFolder::new("two");
    Folder::begin(&place.0, &plan(), "first").unwrap();
    assert!(Folder::begin(&place.0, &plan(), "again").is_ok());
    assert_eq!(std::fs::read_to_string(place.0.join("notebook.ipynb")).unwrap(), "first");
    let mut others = [plan(), plan(), plan()];
    others[0].notebook = "/m.ipynb".into();
    others[1].grid.pop();
    others[2].code = "def".into();
    for (other, says) in others.iter().zip(["that of /n.ipynb", "other parameters", "before it was changed"]) {
        let fault = Folder::begin(&place.0, other, "x").unwrap_err();
        assert!(fault.message.contains("another sweep") && fault.message.contains(says), "{fault:?}");
    }
    assert!(Folder::open(&place.0.join("runs")).unwrap_err().message.contains("holds no sweep"));
}

#[test]
fn numbers_that_json_lacks_come_back() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1] {
        let text = serde_json::to_string(&Figure::new("x", value)).unwrap();
        let read: Figure = serde_json::from_str(&text).unwrap();
        let number = read.number().unwrap();
        assert!(number == value || (number.is_nan() && value.is_nan()), "{text}");
    }
    let place = TestFolder::new("half");
    let file = place.0.join("figures");
    std::fs::write(&file, "{\"what\":\"a\",\"value\":1}\n{\"what\":\"b\",\"val").unwrap();
    assert_eq!(figures::read(&file), [Figure { value: json!(1), ..Figure::new("a", 1.0) }]);
}
