//! The table of a PyTorch checkpoint: a pickle, of which only what a table of weights needs is read.
//!
//! A pickle is a program for a small stack machine, and its `REDUCE` calls any function it names. Here three things have names: an ordered dictionary, a
//! tensor on a storage, and storages by their kind of number. They become values of this file; nothing is ever called. Everything else is refused by its
//! name. Values lie in one list and refer to one another by number, so that a table that refers to itself a thousand times costs its own length.
//!
//! Written here and not taken from a crate: the crates for pickles read all of the format, build trees by copying, and leave the refusing to their caller.

use std::collections::HashMap;
use std::rc::Rc;

/// No table of weights is longer: large-v3 has 1300 tensors in 150 kB.
pub(super) const LONGEST: u64 = 2 << 20;
/// Dimensions of a tensor.
const MOST_DIMENSIONS: usize = 4;

/// Where a value lies in its table.
pub(super) type Id = usize;

/// A storage: a file of numbers in the archive.
#[derive(Debug)]
pub(super) struct Storage {
    /// PyTorch's class: `HalfStorage`.
    pub(super) kind: Rc<str>,
    /// Its file below `data/`.
    pub(super) key: Rc<str>,
}

/// A tensor: a view of a storage, all in numbers of it and not in bytes.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) storage: Rc<Storage>,
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    pub(super) strides: Vec<u64>,
}

/// What a table is made of.
#[derive(Debug)]
pub(super) enum Value {
    /// `None`, a truth value or a broken number: nothing that is asked for.
    Other,
    Int(i64),
    Text(Rc<str>),
    Sequence(Vec<Id>),
    Dictionary(Vec<(Id, Id)>),
    Ordered,
    Rebuild,
    Kind(Rc<str>),
    Storage(Rc<Storage>),
    Tensor(Tensor),
}

/// A table that was read.
pub(super) struct Table {
    values: Vec<Value>,
    top: Id,
}

impl Table {
    /// Reads a pickle to its end, or says at which byte it wants what.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > LONGEST {
            return Err(format!("its table has {} bytes, which is no table of weights", bytes.len()));
        }
        let machine =
            Machine { bytes, at: 0, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), values: vec![] };
        machine.run()
    }

    /// The value at the end of a path of dictionary keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Value> {
        let id = path.iter().try_fold(self.top, |id, key| {
            let mut entries = self.entries(&self.values[id])?.rev();
            entries.find(|(name, _)| *name == *key).map(|(_, value)| value)
        })?;
        self.values.get(id)
    }

    /// A dictionary's entries that are named by text.
    pub(super) fn entries<'a>(&'a self, value: &'a Value) -> Option<impl DoubleEndedIterator<Item = (&'a str, Id)>> {
        let Value::Dictionary(entries) = value else { return None };
        Some(entries.iter().filter_map(|&(key, value)| match &self.values[key] {
            Value::Text(text) => Some((&**text, value)),
            _ => None,
        }))
    }

    /// What an entry refers to.
    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id]
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    values: Vec<Value>,
}

/// A function or class that a table may name.
fn global(module: &str, name: &str) -> Result<Value, String> {
    const STORAGES: [&str; 10] =
        ["Half", "Float", "BFloat16", "Double", "Long", "Int", "Short", "Char", "Byte", "Bool"];
    match (module, name) {
        ("collections", "OrderedDict") => Ok(Value::Ordered),
        ("torch._utils", "_rebuild_tensor_v2") => Ok(Value::Rebuild),
        ("torch", kind) if kind.strip_suffix("Storage").is_some_and(|number| STORAGES.contains(&number)) => {
            Ok(Value::Kind(kind.into()))
        }
        _ => Err(format!(
            "its table wants to call {:?}, which no table of weights needs: refused, and nothing of it was run",
            format!("{module}.{name}")
        )),
    }
}

impl Machine<'_> {
    fn run(mut self) -> Result<Table, String> {
        loop {
            let at = self.at;
            let opcode = self.byte()?;
            if opcode == b'.' {
                let top = self.pop()?;
                return Ok(Table { values: self.values, top });
            }
            self.step(opcode).map_err(|problem| format!("{problem} (byte {at} of data.pkl)"))?;
        }
    }

    /// One opcode, by the names of Python's `pickletools`.
    fn step(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            0x80 => drop(self.byte()?),                        // PROTO
            0x95 => drop(self.take(8)?),                       // FRAME
            b'(' => self.marks.push(self.stack.len()),         // MARK
            b'N' | 0x88 | 0x89 => self.push(Value::Other),     // NONE, NEWTRUE, NEWFALSE
            b'}' => self.push(Value::Dictionary(vec![])),      // EMPTY_DICT
            b']' | b')' => self.push(Value::Sequence(vec![])), // EMPTY_LIST, EMPTY_TUPLE
            b'K' | b'M' | b'J' | 0x8a | b'G' => self.number(opcode)?,
            b'X' | 0x8c => self.text(opcode)?,
            b't' | 0x85..=0x87 => self.tuple(opcode)?,
            b'a' => {
                let item = self.pop()?; // APPEND
                self.extend(vec![item])?;
            }
            b'e' => {
                let items = self.since_mark()?; // APPENDS
                self.extend(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?); // SETITEM
                self.set(&[key, value])?;
            }
            b'u' => {
                let items = self.since_mark()?; // SETITEMS
                self.set(&items)?;
            }
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(opcode)?,
            b'c' | b'i' | 0x93 => self.name(opcode)?,
            b'Q' => self.storage()?,
            b'R' => self.reduce()?,
            b'b' => self.attributes()?,
            other => {
                return Err(format!("its table does what no table of weights does (opcode {other:#04x}): refused"));
            }
        }
        Ok(())
    }

    fn number(&mut self, opcode: u8) -> Result<(), String> {
        let value = match opcode {
            b'K' => Value::Int(self.byte()?.into()),                      // BININT1
            b'M' => Value::Int(u16::from_le_bytes(self.array()?).into()), // BININT2
            b'J' => Value::Int(i32::from_le_bytes(self.array()?).into()), // BININT
            b'G' => {
                self.take(8)?; // BINFLOAT
                Value::Other
            }
            _ => {
                let len = self.byte()?.into(); // LONG1
                let bytes = self.take(len)?;
                let mut wide = [if bytes.last().is_some_and(|top| top & 0x80 != 0) { 0xff } else { 0 }; 8];
                match wide.get_mut(..bytes.len()) {
                    Some(low) => low.copy_from_slice(bytes),
                    None => return Err(format!("its table holds a number of {len} bytes")),
                }
                Value::Int(i64::from_le_bytes(wide))
            }
        };
        self.push(value);
        Ok(())
    }

    fn text(&mut self, opcode: u8) -> Result<(), String> {
        let len = if opcode == b'X' { u32::from_le_bytes(self.array()?) as usize } else { self.byte()?.into() };
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| "its table holds a text that is no UTF-8")?.into();
        self.push(Value::Text(text));
        Ok(())
    }

    fn tuple(&mut self, opcode: u8) -> Result<(), String> {
        let items = if opcode == b't' {
            self.since_mark()?
        } else {
            let mut items = (0x84..opcode).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
            items.reverse();
            items
        };
        self.push(Value::Sequence(items));
        Ok(())
    }

    fn extend(&mut self, items: Vec<Id>) -> Result<(), String> {
        match self.top()? {
            Value::Sequence(list) => list.extend(items),
            _ => return Err("its table appends to what is no list".into()),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Result<(), String> {
        match self.top()? {
            Value::Dictionary(entries) if items.len().is_multiple_of(2) => {
                entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            }
            _ => return Err("its table sets entries of what is no dictionary".into()),
        }
        Ok(())
    }

    /// Puts the top of the stack into the memo, or pushes what is there.
    fn remember(&mut self, opcode: u8) -> Result<(), String> {
        let place = match opcode {
            b'q' | b'h' => self.byte()?.into(),
            b'r' | b'j' => u32::from_le_bytes(self.array()?),
            _ => self.memo.len() as u32,
        };
        if matches!(opcode, b'h' | b'j') {
            let id = *self.memo.get(&place).ok_or("its table refers to what it never held")?;
            self.stack.push(id);
        } else {
            self.memo.insert(place, *self.stack.last().ok_or(EMPTY)?);
        }
        Ok(())
    }

    fn name(&mut self, opcode: u8) -> Result<(), String> {
        let value = if opcode == 0x93 {
            let (name, module) = (self.pop_text()?, self.pop_text()?); // STACK_GLOBAL
            global(&module, &name)?
        } else {
            let (module, name) = (self.line()?, self.line()?); // GLOBAL, INST
            let value = global(&module, &name)?;
            if opcode == b'i' {
                return Err(format!("its table makes an object of {module}.{name}: refused"));
            }
            value
        };
        self.push(value);
        Ok(())
    }

    /// `BINPERSID` of `("storage", kind, key, device, numbers)`.
    fn storage(&mut self) -> Result<(), String> {
        const UNLIKE: &str = "its table refers to something outside that is no storage: refused";
        let id = self.pop()?;
        let Value::Sequence(items) = &self.values[id] else { return Err(UNLIKE.into()) };
        let [what, kind, key, _device, _numbers] = items[..] else { return Err(UNLIKE.into()) };
        let storage = match (&self.values[what], &self.values[kind], &self.values[key]) {
            (Value::Text(what), Value::Kind(kind), Value::Text(key)) if &**what == "storage" => {
                Storage { kind: Rc::clone(kind), key: Rc::clone(key) }
            }
            _ => return Err(UNLIKE.into()),
        };
        self.push(Value::Storage(Rc::new(storage)));
        Ok(())
    }

    /// `REDUCE`: a tensor of its arguments, or an empty dictionary.
    fn reduce(&mut self) -> Result<(), String> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let Value::Sequence(arguments) = &self.values[arguments] else {
            return Err("its table calls with arguments that are no tuple".into());
        };
        let made = match &self.values[callable] {
            Value::Ordered if arguments.is_empty() => Value::Dictionary(vec![]),
            Value::Rebuild => Value::Tensor(self.tensor(arguments)?),
            _ => return Err("its table calls what is no function of a table of weights: refused".into()),
        };
        self.push(made);
        Ok(())
    }

    /// `BUILD`: attributes of a dictionary, such as PyTorch's `_metadata`, mean nothing for the weights.
    fn attributes(&mut self) -> Result<(), String> {
        self.pop()?;
        match self.top()? {
            Value::Dictionary(_) => Ok(()),
            _ => Err("its table gives attributes to what is no dictionary: refused".into()),
        }
    }

    fn tensor(&self, arguments: &[Id]) -> Result<Tensor, String> {
        let unlike = || String::from("its table makes a tensor of what is none");
        let [storage, offset, shape, strides, ..] = *arguments else { return Err(unlike()) };
        let number = |id: Id| match self.values[id] {
            Value::Int(number) => u64::try_from(number).map_err(|_| unlike()),
            _ => Err(unlike()),
        };
        let numbers = |id: Id| match &self.values[id] {
            Value::Sequence(items) if items.len() <= MOST_DIMENSIONS => items.iter().map(|&id| number(id)).collect(),
            _ => Err(unlike()),
        };
        let Value::Storage(storage) = &self.values[storage] else { return Err(unlike()) };
        let tensor = Tensor {
            storage: Rc::clone(storage),
            offset: number(offset)?,
            shape: numbers(shape)?,
            strides: numbers(strides)?,
        };
        if tensor.shape.len() == tensor.strides.len() { Ok(tensor) } else { Err(unlike()) }
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id, String> {
        // What lies below a mark belongs to the mark.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() > floor { self.stack.pop().ok_or_else(|| EMPTY.into()) } else { Err(EMPTY.into()) }
    }

    fn pop_text(&mut self) -> Result<Rc<str>, String> {
        let id = self.pop()?;
        match &self.values[id] {
            Value::Text(text) => Ok(Rc::clone(text)),
            _ => Err("its table names something by what is no text".into()),
        }
    }

    fn top(&mut self) -> Result<&mut Value, String> {
        let id = *self.stack.last().ok_or(EMPTY)?;
        Ok(&mut self.values[id])
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, String> {
        let from = self.marks.pop().ok_or("its table closes what it never opened")?;
        Ok(self.stack.split_off(from.min(self.stack.len())))
    }

    fn take(&mut self, len: usize) -> Result<&[u8], String> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..len).ok_or("its table is cut short")?;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| EMPTY.into())
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let len =
            rest.iter().take(256).position(|&byte| byte == b'\n').ok_or("its table holds a name without an end")?;
        let line = String::from_utf8_lossy(self.take(len)?).into_owned();
        self.at += 1;
        Ok(line)
    }
}

const EMPTY: &str = "its table takes from an empty stack";

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(bytes: &[u8]) -> String {
        Table::read(bytes).err().expect("refused")
    }

    #[test]
    fn a_call_of_the_shell_is_refused_by_its_name_in_every_way_of_writing_it() {
        // GLOBAL, STACK_GLOBAL and INST of os.system("id").
        for bytes in [
            &b"\x80\x02cposix\nsystem\nq\x00X\x02\x00\x00\x00id\x85R."[..],
            b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
            b"(X\x02\x00\x00\x00idiposix\nsystem\n.",
        ] {
            let problem = problem(bytes);
            assert!(problem.contains("\"posix.system\"") && problem.contains("nothing of it was run"), "{problem}");
        }
        for name in ["builtins\neval", "torch\nload", "torch._utils\n_rebuild_parameter", "torch\nQuantizedStorage"] {
            let problem = problem(format!("c{name}\n.").as_bytes());
            assert!(problem.contains(&name.replace('\n', ".")), "{problem}");
        }
    }

    #[test]
    fn what_is_allowed_cannot_be_called_in_another_way() {
        // An ordered dictionary of arguments, a storage that is called, an object built with attributes.
        assert!(problem(b"ccollections\nOrderedDict\n]\x85R.").contains("no function"));
        assert!(problem(b"ctorch\nHalfStorage\n)R.").contains("no function"));
        assert!(problem(b"ctorch\nHalfStorage\n}b.").contains("no dictionary"));
        assert!(problem(b"X\x01\x00\x00\x00aQ.").contains("no storage"));
    }

    #[test]
    fn a_table_that_doubles_itself_costs_its_own_length() {
        // [[]], then forty times a list of the one before twice: 2^40 lists to who copies.
        let mut bytes = b"]q\x00".to_vec();
        for depth in 0..40 {
            bytes.extend([b'h', depth, b'h', depth, 0x86, b'q', depth + 1]);
        }
        bytes.push(b'.');
        assert_eq!(Table::read(&bytes).expect("read").values.len(), 41);
    }

    #[test]
    fn tables_that_are_cut_or_take_too_much_are_errors() {
        let whole = b"\x80\x02}q\x00X\x04\x00\x00\x00dimsq\x01}q\x02(X\x06\x00\x00\x00n_melsKPus.";
        let table = Table::read(whole).expect("whole");
        assert!(matches!(table.at(&["dims", "n_mels"]), Some(Value::Int(80))));
        for len in 0..whole.len() {
            problem(&whole[..len]);
        }
        assert!(problem(b"0.").contains("opcode 0x30"));
        assert!(problem(b"K\x01(\x85.").contains("empty stack"), "what lies under a mark is not taken");
        assert!(problem(b"h\x05.").contains("never held"));
        assert!(problem(&vec![b'N'; LONGEST as usize + 1]).contains("no table of weights"));
    }
}
