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
    let sizes = check_sizes(form, &order, &terms, tensors)?;
    check_shape("einsum", &sizes[..output.len()])?;
    // From the left: a product of two, summed at once over what neither the output nor a later term has, so that nothing
    // is made that has a dim for every letter.
    let whole = tensors.iter().all(Tensor::is_whole);
    let mut total: Option<Term> = None;
    for (i, (labels, x)) in terms.iter().zip(tensors).enumerate() {
        let x = if whole { x.cast(Dtype::Int) } else { floats(x) };
        let term = Term::of(labels, &x)?;
        let kept = |label: Label| output.contains(&label) || terms[i + 1..].iter().flatten().any(|&l| l == label);
        total = Some(match total {
            None => term.summed_to(kept)?,
            Some(total) => total.times(term, kept)?,
        });
    }
    total.ok_or_else(|| unreadable(form))?.over(&output)
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

/// Every label has one size, in the order of the labels; those of `...` broadcast.
fn check_sizes(form: &str, order: &[Label], terms: &[Vec<Label>], tensors: &[Tensor]) -> Result<Vec<usize>> {
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
    Ok(sizes)
}

/// A tensor with a label for each dim, none of them twice.
struct Term {
    labels: Vec<Label>,
    x: Tensor,
}

impl Term {
    fn of(labels: &[Label], x: &Tensor) -> Result<Self> {
        let (mut labels, mut x) = (labels.to_vec(), x.clone());
        while let Some((first, second)) = repeated(&labels) {
            // Of two sizes of which one is 1 the other is taken, as in a broadcast.
            let (m, n) = (x.shape()[first], x.shape()[second]);
            if m != n {
                let mut wide = x.shape().to_vec();
                (wide[first], wide[second]) = (m.max(n), m.max(n));
                x = x.broadcast_to(&wide)?;
            }
            x = x.diagonal(0, first as isize, second as isize)?;
            let label = labels[first];
            labels.remove(second);
            labels.remove(first);
            labels.push(label);
        }
        Ok(Self { labels, x })
    }

    fn has(&self, label: Label) -> bool {
        self.labels.contains(&label)
    }

    /// The size of a label; 1 where the term has none such.
    fn size(&self, label: Label) -> usize {
        self.labels.iter().position(|&other| other == label).map_or(1, |i| self.x.shape()[i])
    }

    /// Summed over the labels that are not kept.
    fn summed_to(self, kept: impl Fn(Label) -> bool) -> Result<Self> {
        let gone: Vec<isize> = (0..).zip(&self.labels).filter(|(_, label)| !kept(**label)).map(|(i, _)| i).collect();
        if gone.is_empty() {
            return Ok(self);
        }
        let x = self.x.sum_dims(&gone, false)?;
        Ok(Self { labels: self.labels.into_iter().filter(|&label| kept(label)).collect(), x })
    }

    /// The tensor with its dims as in `order`, of size 1 where it has none.
    fn over(&self, order: &[Label]) -> Result<Tensor> {
        let place = |label: Label| order.iter().position(|&other| other == label).unwrap_or(0);
        let mut axes: Vec<isize> = (0..self.labels.len() as isize).collect();
        axes.sort_by_key(|&i| place(self.labels[i as usize]));
        let shape: Vec<usize> = order.iter().map(|&label| self.size(label)).collect();
        self.x.permute(&axes)?.reshape(&shape)
    }

    /// The product with another term, summed over the labels that are not kept.
    fn times(self, other: Self, kept: impl Fn(Label) -> bool) -> Result<Self> {
        // What only one of them has can be summed before.
        let a = self.summed_to(|label| kept(label) || other.has(label))?;
        let b = other.summed_to(|label| kept(label) || a.has(label))?;
        let common = a.labels.iter().copied().filter(|&label| b.has(label));
        let (batch, inner): (Vec<Label>, Vec<Label>) = common.partition(|&label| kept(label));
        let left: Vec<Label> = a.labels.iter().copied().filter(|&label| !b.has(label)).collect();
        let right: Vec<Label> = b.labels.iter().copied().filter(|&label| !a.has(label)).collect();
        let sizes = |labels: &[Label]| -> Vec<usize> {
            let size = |&label: &Label| if a.size(label) == 1 { b.size(label) } else { a.size(label) };
            labels.iter().map(size).collect()
        };
        let labels = [&batch[..], &left[..], &right[..]].concat();
        check_shape("einsum", &sizes(&labels))?;
        if inner.is_empty() || left.is_empty() && right.is_empty() {
            let all = [&labels[..], &inner[..]].concat();
            let x = a.over(&all)?.mul(&b.over(&all)?)?;
            return Self { labels: all, x }.summed_to(kept);
        }
        // [batch, left, inner] @ [batch, inner, right].
        let matrices = |term: &Self, parts: [&[Label]; 3]| {
            let order = parts.concat();
            let shape = parts.map(|labels| sizes(labels).iter().product::<usize>());
            term.over(&order)?.broadcast_to(&sizes(&order))?.reshape(&shape)
        };
        let product = matrices(&a, [&batch, &left, &inner])?.matmul(&matrices(&b, [&batch, &inner, &right])?)?;
        Ok(Self { x: product.reshape(&sizes(&labels))?, labels })
    }
}

/// The first two places of a label that comes again.
fn repeated(term: &[Label]) -> Option<(usize, usize)> {
    (0..term.len()).find_map(|i| Some((i, (i + 1..term.len()).find(|&j| term[j] == term[i])?)))
}
