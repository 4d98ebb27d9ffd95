//! A row of the dialer's, whatever it holds: NULL, zero dates, numbers as texts and texts of any bytes are no errors, they are not known.

use mysql_async::{Row, Value};

use super::names::as_meant;

/// The columns of a row, in the order in which they were asked for.
#[derive(Debug)]
pub(super) struct RowFields {
    names: Vec<String>,
    values: Vec<Value>,
}

impl From<Row> for RowFields {
    fn from(row: Row) -> Self {
        let names = row.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
        Self { names, values: row.unwrap() }
    }
}

impl RowFields {
    /// A row of these values, without names.
    #[cfg(test)]
    pub(super) const fn of_values(values: Vec<Value>) -> Self {
        Self { names: Vec::new(), values }
    }

    /// A text, without blanks around it; empty is not known.
    pub(super) fn text(&self, column: usize) -> Option<String> {
        let text = match self.values.get(column)? {
            Value::Bytes(bytes) => as_meant(String::from_utf8_lossy(bytes).into_owned()),
            Value::Int(number) => number.to_string(),
            Value::UInt(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Double(number) => number.to_string(),
            Value::NULL | Value::Date(..) | Value::Time(..) => return None,
        };
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_string())
    }

    /// A text, by its column's name.
    pub(super) fn named(&self, name: &str) -> Option<String> {
        self.text(self.names.iter().position(|own| own == name)?)
    }

    /// A number.
    pub(super) fn number(&self, column: usize) -> Option<i64> {
        match self.values.get(column)? {
            Value::Int(number) => Some(*number),
            Value::UInt(number) => i64::try_from(*number).ok(),
            _ => self.text(column)?.parse().ok(),
        }
    }

    /// A number of something, which is none when it is 0: a lead, a list, an epoch.
    pub(super) fn id(&self, column: usize) -> Option<i64> {
        self.number(column).filter(|&number| number > 0)
    }

    /// Seconds: not below 0.
    pub(super) fn seconds(&self, column: usize) -> Option<i64> {
        self.number(column).filter(|&seconds| seconds >= 0)
    }

    /// A decimal number, not below 0.
    pub(super) fn decimal(&self, column: usize) -> Option<f64> {
        self.text(column)?.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_column_holds_is_read_or_not_known() {
        let values = vec![
            Value::NULL,
            Value::Date(0, 0, 0, 0, 0, 0, 0),
            Value::Bytes(b" Jos\xc3\x83\xc2\xa9\n ".to_vec()),
            Value::Bytes(b"\xff\xfe12".to_vec()),
            Value::UInt(u64::MAX),
            Value::Bytes(b"12.50".to_vec()),
            Value::Int(-1),
            Value::Bytes(Vec::new()),
        ];
        let fields = RowFields { names: vec!["type".into()], values };
        let texts: Vec<_> = (0..9).map(|column| fields.text(column)).collect();
        let is = |place: usize, text: &str| texts[place].as_deref() == Some(text);
        assert!(is(2, "José") && is(3, "\u{fffd}\u{fffd}12") && is(4, "18446744073709551615"), "{texts:?}");
        assert!([0, 1, 7, 8].iter().all(|&place| texts[place].is_none()), "{texts:?}");
        assert_eq!((fields.number(4), fields.number(6), fields.id(6), fields.seconds(6)), (None, Some(-1), None, None));
        assert_eq!(
            (fields.decimal(5), fields.decimal(1), fields.named("type"), fields.named("x")),
            (Some(12.5), None, None, None)
        );
    }
}
