//! Words about where tensors live.

use super::{X, fails, param, tensor, value, wrap};
use crate::catalog::{ENTRY, Entry, Example, Gives, Ty};
use crate::fault::Fault;
use crate::tensor::{Device, device};
use rhai::{Array, Dynamic, Map};

pub static ENTRIES: &[&Entry] = &[&DEVICE, &DEVICE_NAME, &DEVICES, &TO, &SET_THREADS, &THREADS];

const GROUP: &str = "device";
const MOST_THREADS: i64 = 1024;
const UNKNOWN: &str = "a name that no device of this machine has";

static DEVICE: Entry = Entry {
    name: "device",
    group: GROUP,
    summary: "from now on tensors are created on this device",
    params: &[param(
        "name",
        Ty::Text,
        "such as \"cpu\"; `devices()` lists all",
    )],
    errors: &[UNKNOWN],
    examples: &[
        value(
            "the processor",
            "device(\"cpu\"); zeros([1]).device",
            "\"cpu\"",
        ),
        fails(
            "no such device",
            "device(\"abacus\")",
            "there is no device \"abacus\"",
        ),
    ],
    call: |call| {
        device::set_current(Device::parse(&call.args.text(0)?)?);
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static DEVICE_NAME: Entry = Entry {
    name: "device",
    group: GROUP,
    summary: "the name of the device on which tensors are created",
    returns: Ty::Text,
    examples: &[value(
        "the processor",
        "device(\"cpu\"); device()",
        "\"cpu\"",
    )],
    call: |_| Ok(device::current().to_string().into()),
    ..ENTRY
};

static DEVICES: Entry = Entry {
    name: "devices",
    group: GROUP,
    summary: "the devices of this machine, each with its name and what it is",
    returns: Ty::Array,
    examples: &[
        value(
            "the processor is always there",
            "devices()[0].name",
            "\"cpu\"",
        ),
        Example {
            what: "all of them",
            code: "devices()",
            gives: Gives::Runs,
        },
    ],
    call: |_| {
        let all = device::list().into_iter().map(|info| {
            let mut map = Map::new();
            map.insert("name".into(), info.name.into());
            map.insert("detail".into(), info.detail.into());
            Dynamic::from(map)
        });
        Ok(all.collect::<Array>().into())
    },
    ..ENTRY
};

static TO: Entry = Entry {
    name: "to",
    group: GROUP,
    summary: "the same values on another device; the gradient comes back",
    params: &[X, param("device", Ty::Text, "its name")],
    returns: Ty::Tensor,
    shapes: "as x",
    errors: &[UNKNOWN],
    examples: &[value(
        "where it is already",
        "ones([2]).to(\"cpu\").device",
        "\"cpu\"",
    )],
    call: |call| {
        let to = Device::parse(&call.args.text(1)?)?;
        Ok(wrap(tensor(call, 0)?.to_device(&to)))
    },
    ..ENTRY
};

static SET_THREADS: Entry = Entry {
    name: "threads",
    group: GROUP,
    summary: "from now on large operations on the processor are shared among so many threads; results stay the same",
    params: &[param(
        "n",
        Ty::Int,
        "at least 1; more than the machine has cores is of no use",
    )],
    errors: &["a number below 1 or above 1024"],
    examples: &[
        value("one core only", "threads(1); threads()", "1"),
        fails("none", "threads(0)", "n must be from 1 to 1024, got 0"),
    ],
    call: |call| {
        let n = call.args.int(0)?;
        match usize::try_from(n) {
            Ok(count) if (1..=MOST_THREADS).contains(&n) => device::set_threads(count),
            _ => {
                return Err(Fault::value(format!(
                    "threads: n must be from 1 to {MOST_THREADS}, got {n}"
                )));
            }
        }
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static THREADS: Entry = Entry {
    name: "threads",
    group: GROUP,
    summary: "how many threads share large operations on the processor: the machine's physical cores, or what the environment variable SADDLE_THREADS says, until `threads(n)` changes it",
    returns: Ty::Int,
    examples: &[value("there is one at least", "threads() >= 1", "true")],
    call: |_| Ok((device::threads() as i64).into()),
    ..ENTRY
};
