//! Methods of arrays that take a function, where Rhai's own go on without a word: its `sort` takes what is no whole
//! number for "equal", and an error of the function too; its `filter`, `all`, … take what is no truth for `false`.

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext, Position};
use saddle_catalog::{number, raise, type_of};
use saddle_fault::Fault;
use std::any::TypeId;
use std::cmp::Ordering;

type Outcome<T = Dynamic> = Result<T, Box<EvalAltResult>>;

/// Gives an engine our methods of arrays.
pub fn register(engine: &mut Engine) {
    let with_function = [TypeId::of::<Array>(), TypeId::of::<FnPtr>()];
    engine.register_raw_fn("sort", with_function, |context, args| -> Outcome { sort(&context, args) });
    engine.register_raw_fn("sort", [TypeId::of::<Array>()], |_, args| -> Outcome {
        let mut items = taken(args)?;
        let outcome = sorted(&mut items, in_order);
        put_back(args, items)?;
        outcome.map(|()| Dynamic::UNIT)
    });
    engine.register_raw_fn("order", with_function, |context, args| -> Outcome {
        let f = function(args)?;
        let mut items = array(args)?;
        sorted(&mut items, |a, b| compared(&context, &f, a, b))?;
        Ok(items.into())
    });
    engine.register_raw_fn("filter", with_function, |context, args| -> Outcome {
        let (items, holds) = judged(&context, "filter", args)?;
        Ok(items.into_iter().zip(holds).filter(|(_, holds)| *holds).map(|(item, _)| item).collect::<Array>().into())
    });
    engine.register_raw_fn("some", with_function, |context, args| -> Outcome {
        Ok(first(&context, "some", args, true)?.is_some().into())
    });
    engine.register_raw_fn("all", with_function, |context, args| -> Outcome {
        Ok(first(&context, "all", args, false)?.is_none().into())
    });
    engine.register_raw_fn("find", with_function, |context, args| -> Outcome {
        Ok(first(&context, "find", args, true)?.map_or(Dynamic::UNIT, |(_, item)| item))
    });
    engine.register_raw_fn("index_of", with_function, |context, args| -> Outcome {
        Ok(first(&context, "index_of", args, true)?.map_or(-1, |(i, _)| i as i64).into())
    });
    for (name, stays) in [("retain", true), ("drain", false)] {
        engine.register_raw_fn(name, with_function, move |context, args| -> Outcome {
            let (items, holds) = judged(&context, name, args)?;
            let (kept, gone): (Vec<_>, Vec<_>) = items.into_iter().zip(holds).partition(|(_, holds)| *holds == stays);
            let [kept, gone]: [Array; 2] = [kept, gone].map(|part| part.into_iter().map(|(item, _)| item).collect());
            put_back(args, kept)?;
            Ok(gone.into())
        });
    }
}

/// Sorts by a function, in place. The array is whole again before an error of the function goes on its way.
fn sort(context: &NativeCallContext, args: &mut [&mut Dynamic]) -> Outcome {
    let f = function(args)?;
    let mut items = taken(args)?;
    let outcome = sorted(&mut items, |a, b| compared(context, &f, a, b));
    put_back(args, items)?;
    outcome.map(|()| Dynamic::UNIT)
}

/// Sorts by an order that can fail. After a failure everything is equal, so that the end comes soon.
fn sorted(items: &mut Array, mut order: impl FnMut(&Dynamic, &Dynamic) -> Outcome<Ordering>) -> Outcome<()> {
    let mut failed = None;
    // Merges by hand: `slice::sort_by` may panic where the user's order is none.
    let mut compare = |a: &Dynamic, b: &Dynamic| match failed {
        Some(_) => Ordering::Equal,
        None => order(a, b).unwrap_or_else(|error| {
            failed = Some(error);
            Ordering::Equal
        }),
    };
    let mut width = 1;
    while width < items.len() {
        let mut merged = Array::with_capacity(items.len());
        for pair in items.chunks(2 * width) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            let (mut l, mut r) = (left.iter().peekable(), right.iter().peekable());
            while let (Some(a), Some(b)) = (l.peek(), r.peek()) {
                let next = if compare(a, b).is_gt() { r.next() } else { l.next() };
                merged.extend(next.cloned());
            }
            merged.extend(l.chain(r).cloned());
        }
        *items = merged;
        width *= 2;
    }
    failed.map_or(Ok(()), Err)
}

/// What the user's function says of two elements: below, at or above 0, or whether the first comes first.
fn compared(context: &NativeCallContext, f: &FnPtr, a: &Dynamic, b: &Dynamic) -> Outcome<Ordering> {
    let answer = f.call_raw(context, None, [a.clone(), b.clone()])?.flatten();
    if let Ok(before) = answer.as_bool() {
        return Ok(if before { Ordering::Less } else { Ordering::Greater });
    }
    let number = number(&answer).ok_or_else(|| {
        let what = format!("sort: the function must give a number, or true or false, got {}", type_of(&answer));
        raise(Fault::type_(what).hint("`xs.sort(|a, b| a - b)` sorts upwards; `x.item()` is the number in a tensor"))
    })?;
    // NaN has no place; beside what it is compared with is as good as any.
    Ok(number.partial_cmp(&0.0).unwrap_or(Ordering::Equal))
}

/// The order of two elements of themselves: numbers, texts, truths.
fn in_order(a: &Dynamic, b: &Dynamic) -> Outcome<Ordering> {
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return Ok(a.cmp(&b));
    }
    if let (Some(x), Some(y)) = (number(a), number(b)) {
        return Ok(x.partial_cmp(&y).unwrap_or(Ordering::Equal));
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return Ok(a.cmp(&b));
    }
    let is_text = |v: &Dynamic| v.is_string() || v.is_char();
    if is_text(a) && is_text(b) {
        return Ok(a.to_string().cmp(&b.to_string()));
    }
    let what = format!("sort: {} and {} have no order", type_of(a), type_of(b));
    Err(raise(Fault::type_(what).hint("a function says it: `xs.sort(|a, b| a.loss - b.loss)`")))
}

/// All elements, and for each whether the function holds.
fn judged(context: &NativeCallContext, name: &str, args: &mut [&mut Dynamic]) -> Outcome<(Array, Vec<bool>)> {
    let f = function(args)?;
    let items = array(args)?;
    let holds = items.iter().enumerate().map(|(i, item)| holds(context, name, &f, i, item)).collect::<Outcome<_>>()?;
    Ok((items, holds))
}

/// The first element of which the function says `wanted`, and its place.
fn first(
    context: &NativeCallContext,
    name: &str,
    args: &mut [&mut Dynamic],
    wanted: bool,
) -> Outcome<Option<(usize, Dynamic)>> {
    let f = function(args)?;
    for (i, item) in array(args)?.into_iter().enumerate() {
        if holds(context, name, &f, i, &item)? == wanted {
            return Ok(Some((i, item)));
        }
    }
    Ok(None)
}

/// What the function says of one element: `|x|`, `|x, place|`, or with the element as `this`.
fn holds(context: &NativeCallContext, name: &str, f: &FnPtr, i: usize, item: &Dynamic) -> Outcome<bool> {
    let mut this = item.clone();
    let place = [Dynamic::from(i as i64)];
    let answer = f.call_raw_with_extra_args(name, context, Some(&mut this), [], place, Some(0))?.flatten();
    answer.as_bool().map_err(|_| {
        let wrong = EvalAltResult::ErrorMismatchDataType("bool".into(), answer.type_name().into(), Position::NONE);
        Box::new(EvalAltResult::ErrorInFunctionCall(name.into(), String::new(), wrong.into(), Position::NONE))
    })
}

fn function(args: &[&mut Dynamic]) -> Outcome<FnPtr> {
    let f = args.get(1).and_then(|f| f.read_lock::<FnPtr>().map(|f| f.clone()));
    f.ok_or_else(|| raise(Fault::type_("there is no function to ask")))
}

/// A copy of the elements.
fn array(args: &[&mut Dynamic]) -> Outcome<Array> {
    let items = args.first().and_then(|items| items.read_lock::<Array>().map(|items| items.clone()));
    items.ok_or_else(|| raise(Fault::type_("this is no array")))
}

/// The elements themselves; the array is empty until they are put back.
fn taken(args: &mut [&mut Dynamic]) -> Outcome<Array> {
    let items =
        args.first_mut().and_then(|items| items.write_lock::<Array>().map(|mut items| std::mem::take(&mut *items)));
    items.ok_or_else(|| raise(Fault::type_("this is no array")))
}

fn put_back(args: &mut [&mut Dynamic], items: Array) -> Outcome<()> {
    match args.first_mut().and_then(|whole| whole.write_lock::<Array>()) {
        Some(mut whole) => *whole = items,
        None => return Err(raise(Fault::type_("this is no array"))),
    }
    Ok(())
}
