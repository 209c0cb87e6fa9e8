//! Einstein's sum, diagonals, and the triangles of matrices.

use super::{axis, floats};
use crate::{Dtype, Tensor, check_shape, shown};
use saddle_fault::{Fault, Result};

impl Tensor {
    /// The elements whose places along `dim1` and `dim2` differ by `offset` (above 0: right of the main diagonal),
    /// along a new last axis, as `torch.diagonal`.
    ///
    /// # Errors
    /// Dims that the shape does not have, or one dim twice.
    pub fn diagonal(&self, offset: i64, dim1: isize, dim2: isize) -> Result<Tensor> {
        let (a, b) = (axis("diagonal", self, dim1)?, axis("diagonal", self, dim2)?);
        if a == b {
            return Err(Fault::value(format!(
                "diagonal: dims {dim1} and {dim2} of {} are the same",
                shown(&self.shape())
            )));
        }
        let shape = self.shape();
        let mut order: Vec<isize> = (0..shape.len()).filter(|&i| i != a && i != b).map(|i| i as isize).collect();
        order.extend([a as isize, b as isize]);
        let rest: Vec<usize> = order[..order.len() - 2].iter().map(|&i| shape[i as usize]).collect();
        let (rows, columns) = (shape[a], shape[b]);
        let places = diagonal_places(rows, columns, offset);
        let (n, flat) = (places.len(), [&rest[..], &[rows * columns]].concat());
        let places = Tensor::from_ints(places, &[n], &self.device());
        self.permute(&order)?.reshape(&flat)?.index_select(-1, &places)
    }

    /// The sum of the main diagonal of a matrix, of rank 0.
    ///
    /// # Errors
    /// Anything but a matrix.
    pub fn trace(&self) -> Result<Tensor> {
        match self.rank() {
            2 => self.diagonal(0, 0, 1)?.sum(),
            _ => Err(Fault::shape(format!("trace: expected a matrix, got {}", shown(&self.shape())))
                .hint("diagonal(x) takes those of matrices along leading dims")),
        }
    }

    /// Zeros but for the elements of the last two axes on and below the diagonal `offset`, or (`upper`) on and above
    /// it.
    ///
    /// # Errors
    /// Fewer than two axes.
    pub fn triangle(&self, offset: i64, upper: bool) -> Result<Tensor> {
        let name = if upper { "triu" } else { "tril" };
        let shape = self.shape();
        let &[.., rows, columns] = &shape[..] else {
            return Err(Fault::shape(format!("{name}: expected a matrix, got {}", shown(&shape))));
        };
        let inside = |at: usize| {
            let beyond = (at % columns) as i64 - (at / columns) as i64;
            if upper { beyond >= offset } else { beyond <= offset }
        };
        let mask = (0..rows * columns).map(inside).collect();
        let mask = Tensor::from_bools(mask, &[rows, columns], &self.device());
        let zero = Tensor::full(0.0, &[], &self.device());
        let zero = if self.is_whole() { zero.cast(self.dtype()) } else { zero };
        mask.choose(self, &zero)
    }
}

/// Where the elements of a diagonal lie in a matrix, row by row.
fn diagonal_places(rows: usize, columns: usize, offset: i64) -> Vec<i64> {
    let column = |row: usize| (row as i64).checked_add(offset).filter(|c| (0..columns as i64).contains(c));
    let at = |row: usize| Some(row as i64 * columns as i64 + column(row)?);
    (0..rows).filter_map(at).collect()
}

/// A dim of a term: a letter, or one of those that `...` stands for, numbered from the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Rest(usize),
    Letter(char),
}

/// Einstein's sum, as `numpy.einsum`: `einsum("bi,bj->bij", [x, y])`. Letters that do not stand behind the arrow are
/// summed over; a letter twice in a term is its diagonal; `...` stands for dims that broadcast. Without an arrow those
/// of `...` come first, then the letters that come once, in the order of the alphabet.
///
/// # Errors
/// A form that cannot be read; an output letter that comes twice or in no term; a letter with two sizes; as many terms
/// as tensors are needed.
pub fn einsum(form: &str, tensors: &[Tensor]) -> Result<Tensor> {
    let (inputs, output) = match form.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output)),
        None => (form, None),
    };
    let texts: Vec<&str> = inputs.split(',').collect();
    if texts.len() != tensors.len() {
        return Err(Fault::value(format!(
            "einsum: \"{form}\" has {} terms for {} tensors",
            texts.len(),
            tensors.len()
        )));
    }
    let mut terms = Vec::with_capacity(texts.len());
    for (text, x) in texts.iter().zip(tensors) {
        terms.push(labels(form, text, x)?);
    }
    let output = match output {
        Some(text) => explicit(form, text, &terms)?,
        None => implicit(&terms),
    };
    let mut order = output.clone();
    for &label in terms.iter().flatten() {
        if !order.contains(&label) {
            order.push(label);
        }
    }
    check_sizes(form, &order, &terms, tensors)?;
    // Every term as a tensor over all labels (size 1 where one is missing): their product, summed.
    let whole = tensors.iter().all(Tensor::is_whole);
    let mut total: Option<Tensor> = None;
    for (term, x) in terms.iter().zip(tensors) {
        let x = if whole { x.cast(Dtype::Int) } else { floats(x) };
        let part = aligned(term, &x, &order)?;
        total = Some(match total {
            None => part,
            Some(total) => total.mul(&part)?,
        });
    }
    let total = total.ok_or_else(|| unreadable(form))?;
    let summed: Vec<isize> = (output.len() as isize..order.len() as isize).collect();
    match summed.is_empty() {
        true => Ok(total),
        false => total.sum_dims(&summed, false),
    }
}

fn unreadable(form: &str) -> Fault {
    Fault::value(format!("einsum: cannot read \"{form}\""))
        .hint("a form looks like \"ij,jk->ik\": one letter a dim, ... for any others")
}

/// The text of a term as letters, with a mark for `...`.
fn symbols(form: &str, text: &str) -> Result<Vec<Option<char>>> {
    let text: String = text.replace("...", "\u{2026}").chars().filter(|c| !c.is_whitespace()).collect();
    let mut all = Vec::new();
    for c in text.chars() {
        let symbol = match c {
            '\u{2026}' if !all.contains(&None) => None,
            c if c.is_ascii_alphabetic() => Some(c),
            _ => return Err(unreadable(form)),
        };
        all.push(symbol);
    }
    Ok(all)
}

/// One label for each dim of `x`.
fn labels(form: &str, text: &str, x: &Tensor) -> Result<Vec<Label>> {
    let symbols = symbols(form, text)?;
    let letters = symbols.iter().flatten().count();
    let open = symbols.len() > letters;
    if letters > x.rank() || !open && letters < x.rank() {
        return Err(Fault::shape(format!(
            "einsum: \"{}\" in \"{form}\" stands for {letters} dims, the tensor has shape {}",
            text.trim(),
            shown(&x.shape())
        )));
    }
    let rest = x.rank() - letters;
    Ok(symbols.into_iter().flat_map(|symbol| spelled(symbol, rest)).collect())
}

fn spelled(symbol: Option<char>, rest: usize) -> Vec<Label> {
    match symbol {
        Some(c) => vec![Label::Letter(c)],
        None => (0..rest).rev().map(Label::Rest).collect(),
    }
}

/// How many dims `...` stands for.
fn rest(terms: &[Vec<Label>]) -> usize {
    let rests = terms.iter().flatten().filter_map(|label| match label {
        Label::Rest(i) => Some(i + 1),
        Label::Letter(_) => None,
    });
    rests.max().unwrap_or(0)
}

fn explicit(form: &str, text: &str, terms: &[Vec<Label>]) -> Result<Vec<Label>> {
    let symbols = symbols(form, text)?;
    for (i, symbol) in symbols.iter().enumerate() {
        let Some(c) = symbol else { continue };
        if symbols[..i].contains(symbol) {
            return Err(Fault::value(format!("einsum: the letter {c} comes twice behind the arrow of \"{form}\""))
                .hint("a diagonal can be taken, \"ii->i\", but not made"));
        }
        if !terms.iter().flatten().any(|label| *label == Label::Letter(*c)) {
            return Err(Fault::value(format!("einsum: the letter {c} behind the arrow of \"{form}\" is in no term")));
        }
    }
    let rest = rest(terms);
    if rest > 0 && !symbols.contains(&None) {
        return Err(Fault::value(format!("einsum: the dims of ... in \"{form}\" are missing behind the arrow"))
            .hint("write ... behind the arrow too, and sum over them afterwards"));
    }
    Ok(symbols.into_iter().flat_map(|symbol| spelled(symbol, rest)).collect())
}

fn implicit(terms: &[Vec<Label>]) -> Vec<Label> {
    let mut letters: Vec<char> = terms
        .iter()
        .flatten()
        .filter_map(|label| match label {
            Label::Letter(c) => Some(*c),
            Label::Rest(_) => None,
        })
        .collect();
    letters.sort_unstable();
    let once = |c: &char| letters.iter().filter(|other| *other == c).count() == 1;
    let single = letters.iter().copied().filter(once).map(Label::Letter);
    spelled(None, rest(terms)).into_iter().chain(single).collect()
}

/// Every label has one size; those of `...` broadcast.
fn check_sizes(form: &str, order: &[Label], terms: &[Vec<Label>], tensors: &[Tensor]) -> Result<()> {
    let mut sizes = vec![1; order.len()];
    for (place, label) in order.iter().enumerate() {
        let mut found: Option<usize> = None;
        for (term, x) in terms.iter().zip(tensors) {
            let shape = x.shape();
            for (i, _) in term.iter().enumerate().filter(|(_, other)| *other == label) {
                match found {
                    None => found = Some(shape[i]),
                    Some(n) if n == shape[i] => {}
                    Some(1) => found = Some(shape[i]),
                    Some(_) if shape[i] == 1 => {}
                    Some(n) => {
                        let name = match label {
                            Label::Letter(c) => c.to_string(),
                            Label::Rest(_) => "...".into(),
                        };
                        return Err(Fault::shape(format!(
                            "einsum: {name} in \"{form}\" has the sizes {n} and {}",
                            shape[i]
                        )));
                    }
                }
            }
        }
        sizes[place] = found.unwrap_or(1);
    }
    check_shape("einsum", &sizes)
}

/// A term over the labels in `order`, of size 1 where it has none.
fn aligned(term: &[Label], x: &Tensor, order: &[Label]) -> Result<Tensor> {
    let (mut term, mut x) = (term.to_vec(), x.clone());
    while let Some((first, second)) = repeated(&term) {
        // Of two sizes of which one is 1 the other is taken, as in a broadcast.
        let (m, n) = (x.shape()[first], x.shape()[second]);
        if m != n {
            let mut wide = x.shape().to_vec();
            (wide[first], wide[second]) = (m.max(n), m.max(n));
            x = x.broadcast_to(&wide)?;
        }
        x = x.diagonal(0, first as isize, second as isize)?;
        let label = term[first];
        term.remove(second);
        term.remove(first);
        term.push(label);
    }
    let place = |label: Label| order.iter().position(|&other| other == label).unwrap_or(0);
    let mut axes: Vec<isize> = (0..term.len() as isize).collect();
    axes.sort_by_key(|&i| place(term[i as usize]));
    let mut shape = vec![1; order.len()];
    for (i, &label) in term.iter().enumerate() {
        shape[place(label)] = x.shape()[i];
    }
    x.permute(&axes)?.reshape(&shape)
}

/// The first two places of a label that comes again.
fn repeated(term: &[Label]) -> Option<(usize, usize)> {
    (0..term.len()).find_map(|i| Some((i, (i + 1..term.len()).find(|&j| term[j] == term[i])?)))
}
