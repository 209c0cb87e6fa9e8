//! Words about where tensors live.

use super::X;
use crate::convert::wrap;
use crate::types;
use rhai::{Array, Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Example, Gives, Host, Maybe, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::precision::{self, Precision};
use saddle_tensor::{Device, device};

pub static ENTRIES: &[&Entry] =
    &[&DEVICE, &DEVICE_NAME, &DEVICES, &TO, &SET_PRECISION, &PRECISION, &SET_THREADS, &THREADS];

const GROUP: &str = "device";
const MOST_THREADS: i64 = 1024;
const UNKNOWN: &str = "a name that no device of this machine has";
const PRECISIONS: [(Precision, &str); 2] = [(Precision::F32, "f32"), (Precision::F16, "f16")];
const FAILING: &str = "a device that cannot be opened: its driver is missing or too old";

/// From now on this session's cells show what a device prepares at its first use.
pub fn watch(host: &Host) {
    super::first_use::watch(host);
}

/// The device that an argument names, opened; what it needs is compiled first where it has not been.
fn opened(call: &Call, name: Param<String>) -> Result<Device> {
    let name = name.of(call)?;
    super::first_use::compile(call.host, &name)?;
    Device::parse_with(&name, TOKEN.of(call)?.as_deref())
}

const TOKEN: Maybe<String> =
    param("token", types::TEXT, "of another machine's device: what `saddle serve-device` printed there")
        .maybe("the environment variable SADDLE_DEVICE_TOKEN");
const ELSEWHERE: &str = "another machine that does not answer, has another build of saddle or another token; a connection that is lost later";

const NAME: Param<String> = param(
    "name",
    types::TEXT,
    "\"cpu\"; \"wgpu\" for a graphics processor, \"wgpu:1\" for the second; \"vulkan\", \"metal\", \"dx12\" for \
         one on that interface; \"ndarray\" and \"cuda\" where they are built in; `devices()` lists all; \"tcp://HOST:PORT\" for \
         one of another machine, where `saddle serve-device` runs, \"tcp://HOST:PORT/wgpu:1\" for another of its devices",
);
static DEVICE: Entry = Entry {
    name: "device",
    group: GROUP,
    summary: "from now on tensors are created on this device, networks and data too; the environment variable SADDLE_DEVICE names the first",
    params: &[NAME.param()],
    options: &[TOKEN.opt()],
    errors: &[UNKNOWN, FAILING, ELSEWHERE],
    examples: &[
        value("the processor", "device(\"cpu\"); zeros([1]).device", "\"cpu\""),
        fails("no such device", "device(\"abacus\")", "there is no device \"abacus\""),
        fails("a name that is none", "device(\"tcp://gpu\")", "names no host and port"),
    ],
    call: |call| {
        device::set_current(opened(call, NAME)?);
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static DEVICE_NAME: Entry = Entry {
    name: "device",
    group: GROUP,
    summary: "the name of the device on which tensors are created",
    returns: Ty::Text,
    examples: &[value("the processor", "device(\"cpu\"); device()", "\"cpu\"")],
    call: |_| Ok(device::current().to_string().into()),
    ..ENTRY
};

static DEVICES: Entry = Entry {
    name: "devices",
    group: GROUP,
    summary: "the devices of this machine, each with its name and what it is",
    returns: Ty::Array,
    examples: &[
        value("the processor is always there", "devices()[0].name", "\"cpu\""),
        Example { what: "all of them", code: "devices()", gives: Gives::Runs },
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

const TO_DEVICE: Param<String> = param("device", types::TEXT, "its name");
static TO: Entry = Entry {
    name: "to",
    group: GROUP,
    summary: "the same values on another device; the gradient comes back",
    params: &[X.param(), TO_DEVICE.param()],
    returns: Ty::Tensor,
    shapes: "as x",
    options: &[TOKEN.opt()],
    errors: &[UNKNOWN, FAILING, ELSEWHERE],
    examples: &[value("where it is already", "ones([2]).to(\"cpu\").device", "\"cpu\"")],
    call: |call| {
        let to = opened(call, TO_DEVICE)?;
        Ok(wrap(X.of(call)?.to_device(&to)))
    },
    ..ENTRY
};

const SET_PRECISION_NAME: Param<String> = param("name", types::TEXT, "\"f32\" or \"f16\"");
static SET_PRECISION: Entry = Entry {
    name: "precision",
    group: GROUP,
    summary: "from now on matrix products and convolutions on a graphics processor multiply in this precision; parameters, sums and \
              everything else stay f32, and an optimizer's losses are scaled so that small gradients are not lost",
    params: &[SET_PRECISION_NAME.param()],
    errors: &["another name", "\"f16\" on a device that has no half precision, such as the processor"],
    examples: &[
        value("as it begins", "precision(\"f32\"); precision()", "\"f32\""),
        fails("on the processor", "device(\"cpu\"); precision(\"f16\")", "cpu has no half precision"),
    ],
    call: |call| {
        let name = SET_PRECISION_NAME.of(call)?;
        let wanted = PRECISIONS.iter().find(|(_, known)| *known == name.as_str());
        let Some((wanted, _)) = wanted else {
            return Err(Fault::value(format!("precision: there is no precision \"{name}\"")).hint("\"f32\" or \"f16\""));
        };
        precision::set(*wanted, &device::current())?;
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static PRECISION: Entry = Entry {
    name: "precision",
    group: GROUP,
    summary: "in what precision graphics processors multiply",
    returns: Ty::Text,
    examples: &[value("as it begins", "precision(\"f32\"); precision()", "\"f32\"")],
    call: |_| {
        let now = PRECISIONS.iter().find(|(p, _)| *p == precision::current());
        Ok(now.map_or("f32", |(_, name)| *name).into())
    },
    ..ENTRY
};

const N: Param<i64> = param("n", types::INT, "at least 1; more than the machine has cores is of no use");
static SET_THREADS: Entry = Entry {
    name: "threads",
    group: GROUP,
    summary: "from now on large operations on the processor are shared among so many threads; results stay the same",
    params: &[N.param()],
    errors: &["a number below 1 or above 1024"],
    examples: &[
        value("one core only", "threads(1); threads()", "1"),
        fails("none", "threads(0)", "n must be from 1 to 1024, got 0"),
    ],
    call: |call| {
        let n = N.of(call)?;
        match usize::try_from(n) {
            Ok(count) if (1..=MOST_THREADS).contains(&n) => device::set_threads(count),
            _ => {
                return Err(Fault::value(format!("threads: n must be from 1 to {MOST_THREADS}, got {n}")));
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
