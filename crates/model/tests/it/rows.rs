//! Rows of all four tables become columns and come back, in whatever form a file holds them.

use std::{fmt::Debug, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, StringArray},
    compute::cast,
    datatypes::{DataType, Field, Int32Type, Schema},
    record_batch::RecordBatch,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use smoltrace_model::{
    ids::hex,
    rows::{
        Instrument, PointBlock, PointBlockBuilder, PointRow, PointSample, PointSeries, ResultRow, RowError,
        RunRow, RunStatus, SeriesList, Source, SpanBlock, SpanKind, SpanRow, SpanStatus, TableRow,
        Temporality,
    },
};

/// The texts an enum column of a table may hold; none for a column of free text.
fn variants(table: &str, column: &str) -> Option<Vec<&'static str>> {
    Some(match (table, column) {
        ("spans", "kind") => SpanKind::ALL.iter().map(|v| v.as_str()).collect(),
        ("spans", "status") => SpanStatus::ALL.iter().map(|v| v.as_str()).collect(),
        ("points", "instrument") => Instrument::ALL.iter().map(|v| v.as_str()).collect(),
        ("points", "temporality") => Temporality::ALL.iter().map(|v| v.as_str()).collect(),
        ("runs", "status") => RunStatus::ALL.iter().map(|v| v.as_str()).collect(),
        (_, "cost_source" | "energy_source" | "co2_source" | "power_cost_source") => {
            Source::ALL.iter().map(|v| v.as_str()).collect()
        }
        _ => return None,
    })
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..8).prop_map(|chars| chars.into_iter().collect())
}

/// Any value of a column.
fn cell(table: &str, field: &Field) -> BoxedStrategy<Value> {
    let value = match (field.data_type(), variants(table, field.name())) {
        (DataType::Utf8, Some(variants)) => prop::sample::select(variants).prop_map(|v| json!(v)).boxed(),
        (DataType::Utf8, None) => text().prop_map(|text| json!(text)).boxed(),
        (DataType::Int64, _) => any::<i64>().prop_map(|number| json!(number)).boxed(),
        (DataType::Float64, _) => {
            use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
            (POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO).prop_map(|number| json!(number)).boxed()
        }
        (DataType::Boolean, _) => any::<bool>().prop_map(|truth| json!(truth)).boxed(),
        (DataType::List(_), _) => {
            return prop::collection::vec(text(), 0..4).prop_map(|list| json!(list)).boxed();
        }
        (other, _) => panic!("{table}.{}: nothing makes a {other}", field.name()),
    };
    if field.is_nullable() { prop_oneof![1 => Just(Value::Null), 3 => value].boxed() } else { value }
}

fn any_row<T: TableRow + DeserializeOwned + Debug>() -> impl Strategy<Value = T> {
    let schema = T::schema();
    let cells: Vec<_> = schema.fields().iter().map(|field| cell(T::TABLE, field)).collect();
    cells.prop_map(move |cells| {
        let names = schema.fields().iter().map(|field| field.name().clone());
        serde_json::from_value(names.zip(cells).collect()).expect("a row of the schema's values")
    })
}

/// The batch with every column of text in another of Arrow's forms.
fn texts_as(batch: &RecordBatch, to: &DataType) -> RecordBatch {
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .map(|column| match column.data_type() {
            DataType::Utf8 => cast(column, to).expect("a form of text"),
            _ => column.clone(),
        })
        .collect();
    let fields: Vec<Field> = (batch.schema().fields().iter().zip(&columns))
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), field.is_nullable()))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("the same columns")
}

fn round_trip<T>(rows: &[T]) -> Result<(), TestCaseError>
where
    T: TableRow + Clone + PartialEq + Debug + Serialize + DeserializeOwned,
{
    let batch = T::to_batch(rows);
    prop_assert_eq!(batch.schema(), T::schema());
    prop_assert_eq!(&T::from_batch(&batch).expect("own batch"), rows);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for form in [DataType::Utf8View, DataType::LargeUtf8, dictionary] {
        prop_assert_eq!(&T::from_batch(&texts_as(&batch, &form)).expect("another form"), rows);
    }
    let order: Vec<usize> = (0..batch.num_columns()).rev().collect();
    prop_assert_eq!(&T::from_batch(&batch.project(&order).expect("reversed")).expect("any order"), rows);

    for (at, field) in T::schema().fields().iter().enumerate() {
        let others: Vec<usize> = (0..batch.num_columns()).filter(|other| *other != at).collect();
        let without = T::from_batch(&batch.project(&others).expect("one column less"));
        if !field.is_nullable() {
            prop_assert!(matches!(without, Err(RowError::Missing(name)) if name == *field.name()));
            continue;
        }
        for (row, whole) in without.expect("nulls").iter().zip(rows) {
            let mut expected = serde_json::to_value(whole).expect("JSON");
            let list = matches!(field.data_type(), DataType::List(_));
            expected[field.name()] = if list { json!([]) } else { Value::Null };
            prop_assert_eq!(serde_json::to_value(row).expect("JSON"), expected);
        }
    }
    Ok(())
}

/// Whether sealing tells two rows apart by what they say, and by nothing else.
fn seals<T>(row: &T, other: &T, seal: impl Fn(T) -> T) -> Result<(), TestCaseError>
where
    T: TableRow + Clone + Serialize + DeserializeOwned,
{
    let id = |row: &T| serde_json::to_value(seal(row.clone())).expect("JSON")["row_id"].clone();
    let (json, other) =
        (serde_json::to_value(row).expect("JSON"), serde_json::to_value(other).expect("JSON"));
    prop_assert_eq!(id(row).as_str().map(str::len), Some(32));
    for field in T::schema().fields() {
        let name = field.name().as_str();
        let mut changed = json.clone();
        changed[name] = other[name].clone();
        let changed: T = serde_json::from_value(changed).expect("a row");
        let same = name == "row_id" || name == "version" || json[name] == other[name];
        prop_assert_eq!(id(row) == id(&changed), same, "{}", name);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn spans(rows in prop::collection::vec(any_row::<SpanRow>(), 0..5)) {
        round_trip(&rows)?;
    }

    #[test]
    fn points(rows in prop::collection::vec(any_row::<PointRow>(), 0..5)) {
        round_trip(&rows)?;
    }

    #[test]
    fn results(rows in prop::collection::vec(any_row::<ResultRow>(), 0..5)) {
        round_trip(&rows)?;
    }

    #[test]
    fn runs(rows in prop::collection::vec(any_row::<RunRow>(), 0..5)) {
        round_trip(&rows)?;
    }

    #[test]
    fn points_by_series_are_the_rows(
        points in prop::collection::vec(any_row::<PointRow>(), 1..5),
        samples in prop::collection::vec((0_usize..5, any_row::<PointRow>()), 0..20),
        keep in prop::collection::vec(any::<bool>(), 21),
    ) {
        // Some of them differ in their unit alone.
        let mut points = points;
        points.push(PointRow { unit: "other".into(), ..points[0].clone() });
        // Points of few series, and some whose sample is said twice.
        let of_series = |(at, sample): &(usize, PointRow)| PointRow {
            start_time_unix_nano: sample.start_time_unix_nano,
            time_unix_nano: sample.time_unix_nano,
            value: sample.value,
            detail: sample.detail.clone(),
            ..points[at % points.len()].clone()
        };
        let mut rows: Vec<PointRow> = samples.iter().map(of_series).map(PointRow::sealed).collect();
        rows.extend(rows.first().cloned());
        let block: PointBlock = rows.iter().cloned().collect();
        prop_assert_eq!(block.len(), rows.len());
        prop_assert_eq!(&block.to_rows(), &rows);
        let part = block.part(&keep);
        let kept = rows.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(row, _)| row.clone());
        prop_assert_eq!(part.to_rows(), kept.collect::<Vec<_>>());

        // Whatever series are expected, those that come are in the block.
        let of_list = |list: &SeriesList| -> Vec<PointSeries> {
            list.by_run().flat_map(|(_, series)| series.to_vec()).collect()
        };
        let all = of_list(block.series());
        let some = all.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(series, _)| series);
        let mut few = PointBlock::default();
        for series in some.clone() {
            few.add_series(series.clone());
        }
        for coming in [all.iter().collect::<Vec<_>>(), some.clone().collect(), all.iter().rev().collect()] {
            for expected in [Arc::default(), block.series().clone(), few.series().clone()] {
                let (mut built, mut plain) = (PointBlockBuilder::default(), PointBlock::default());
                built.expect(expected.clone());
                let before = of_list(&expected);
                for series in &coming {
                    let place = built.add_series(series);
                    prop_assert_eq!(place, plain.add_series((*series).clone()));
                    built.push(place, PointSample::default(), &mut Vec::new());
                    plain.push(place, PointSample::default(), &mut Vec::new());
                }
                prop_assert_eq!(built.finish(), plain);
                prop_assert_eq!(of_list(&expected), before);
            }
        }

        // Several blocks, which have some of their series in common.
        let blocks = [block.clone(), part.clone(), rows.iter().rev().cloned().collect()];
        let mut all: Vec<PointRow> = blocks.iter().flat_map(PointBlock::to_rows).collect();
        let batch = PointBlock::to_sorted_batch(&blocks);
        let sorted = PointRow::from_batch(&batch).expect("columns of the table");
        let key = |row: &PointRow| {
            (row.run_id.clone(), row.metric.clone(), row.series_id.clone(), row.time_unix_nano)
        };
        prop_assert!(sorted.is_sorted_by_key(key));
        let by_id = |rows: &mut Vec<PointRow>| rows.sort_by(|a, b| a.row_id.cmp(&b.row_id));
        by_id(&mut all);
        let mut found = sorted.clone();
        by_id(&mut found);
        prop_assert_eq!(found, all);
        // A column says nothing that no row says.
        let units = batch.column_by_name("unit").expect("a column").as_run::<Int32Type>();
        for unit in units.values().as_string::<i32>() {
            prop_assert!(sorted.iter().any(|row| Some(&*row.unit) == unit));
        }

        // And back, whether texts stand in dictionaries or as they are.
        for batch in [as_read(&batch), PointRow::to_batch(&sorted)] {
            let again = PointBlock::of_batch(&batch).expect("points of ours");
            prop_assert_eq!(again.to_rows(), sorted.clone());
            let stranger = PointRow { row_id: "of another writer".into(), ..points[0].clone() };
            let strange = PointRow::to_batch(&[points[1].clone().sealed(), stranger]);
            prop_assert_eq!(PointBlock::of_batch(&strange), None);
        }
    }

    #[test]
    fn spans_in_blocks_are_the_rows(
        kinds in prop::collection::vec(any_row::<SpanRow>(), 1..6),
        blocks in prop::collection::vec(prop::collection::vec((0_usize..6, 0_i64..3), 0..8), 0..5),
        keep in prop::collection::vec(any::<bool>(), 40),
    ) {
        // Few runs, origins and traces, and some spans that are the same.
        let row = |(at, start): &(usize, i64)| {
            let (kind, other) = (&kinds[at % kinds.len()], &kinds[0]);
            let of_first = start % 2 == 0;
            let trace_id = if of_first { &other.trace_id } else { &kind.trace_id }.clone();
            SpanRow { start_time_unix_nano: *start, trace_id, ..kind.clone() }.sealed()
        };
        let rows: Vec<Vec<SpanRow>> = blocks.iter().map(|block| block.iter().map(row).collect()).collect();
        let blocks: Vec<SpanBlock> = rows.iter().map(|rows| rows.clone().into()).collect();
        for (block, rows) in blocks.iter().zip(&rows) {
            prop_assert_eq!(block.len(), rows.len());
            prop_assert_eq!(&block.to_rows(), rows);
        }
        let parts: Vec<SpanBlock> = blocks.iter().map(|block| block.part(&keep)).collect();
        let kept = |rows: &Vec<SpanRow>| -> Vec<SpanRow> {
            rows.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(row, _)| row.clone()).collect()
        };
        let kept: Vec<SpanRow> = rows.iter().flat_map(kept).collect();
        for (blocks, rows) in [(blocks, rows.concat()), (parts, kept)] {
            let sorted = SpanRow::from_batch(&SpanBlock::to_sorted_batch(&blocks)).expect("columns of the table");
            let key = |row: &SpanRow| {
                (row.run_id.clone(), row.trace_id.clone(), row.start_time_unix_nano, row.span_id.clone())
            };
            prop_assert!(sorted.is_sorted_by_key(key));
            let by_id = |mut rows: Vec<SpanRow>| {
                rows.sort_by(|a, b| a.row_id.cmp(&b.row_id));
                rows
            };
            prop_assert_eq!(by_id(sorted), by_id(rows));
        }
    }

    #[test]
    fn a_row_id_is_of_the_content(
        span in [any_row::<SpanRow>(), any_row::<SpanRow>()],
        point in [any_row::<PointRow>(), any_row::<PointRow>()],
        result in [any_row::<ResultRow>(), any_row::<ResultRow>()],
        run in [any_row::<RunRow>(), any_row::<RunRow>()],
    ) {
        seals(&span[0], &span[1], SpanRow::sealed)?;
        seals(&point[0], &point[1], PointRow::sealed)?;
        seals(&result[0], &result[1], ResultRow::sealed)?;
        seals(&run[0], &run[1], RunRow::sealed)?;
    }
}

/// A block's columns as they are read of a file: row ids as digits, texts as dictionaries.
fn as_read(batch: &RecordBatch) -> RecordBatch {
    let dictionary = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    let texts =
        |column: &ArrayRef| match (column.as_fixed_size_binary_opt(), column.as_run_opt::<Int32Type>()) {
            (Some(ids), _) => {
                Arc::new(StringArray::from_iter_values(ids.iter().flatten().map(hex))) as ArrayRef
            }
            (None, Some(runs)) => {
                let texts = cast(runs, &DataType::Utf8).expect("texts");
                cast(&texts, &dictionary).expect("a dictionary")
            }
            (None, None) => column.clone(),
        };
    RecordBatch::try_from_iter_with_nullable(
        batch
            .schema_ref()
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, column)| (field.name(), texts(column), field.is_nullable())),
    )
    .expect("columns of one length")
}

fn point() -> PointRow {
    serde_json::from_value(json!({
        "run_id": "run", "service": "s", "metric": "m", "unit": "", "instrument": "sum",
        "temporality": "delta", "monotonic": true, "gpu_id": null, "gpu_name": null, "attributes": "{}",
        "resource": "{}", "scope": "{}", "series_id": "", "start_time_unix_nano": null,
        "time_unix_nano": 5, "value": 0.5, "detail": null, "row_id": "",
    }))
    .expect("a point")
}

/// The batch of one point with a column replaced.
fn with_column(name: &str, column: ArrayRef) -> RecordBatch {
    let batch = PointRow::to_batch(&[point()]);
    let at = batch.schema().index_of(name).expect("a column");
    let mut columns = batch.columns().to_vec();
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    fields[at] = Field::new(name, column.data_type().clone(), true);
    columns[at] = column;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("one row")
}

#[test]
fn an_unknown_enum_text_reads_as_the_default() {
    let check = |text: Option<&str>| {
        let column: ArrayRef = Arc::new(StringArray::from(vec![text]));
        let rows = PointRow::from_batch(&with_column("temporality", column)).expect("a row");
        assert_eq!(rows[0].temporality, Temporality::Unspecified, "{text:?}");
    };
    check(Some("of a later release"));
    check(Some(""));
    check(None);
}

#[test]
fn what_does_not_fit_is_named() {
    let check = |name: &str, column: ArrayRef, expected: &str| {
        let error = PointRow::from_batch(&with_column(name, column)).expect_err("does not fit");
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("run_id", Arc::new(StringArray::from(vec![None::<&str>])), "`run_id` has a null");
    check("value", Arc::new(StringArray::from(vec![None::<&str>])), "`value` has a null");
    check("time_unix_nano", arrow::array::new_null_array(&DataType::Binary, 1), "`time_unix_nano`");
}

#[test]
fn another_number_type_is_converted() {
    let column: ArrayRef = Arc::new(arrow::array::Int32Array::from(vec![7]));
    assert_eq!(PointRow::from_batch(&with_column("value", column)).expect("a row")[0].value, 7.0);
}
