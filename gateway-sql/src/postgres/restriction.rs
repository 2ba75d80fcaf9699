//! Whether a condition really holds a statement to some of the rows.
//!
//! Folding goes as far as anybody writes by hand to get round a rule: constants, comparisons of constants, an
//! expression compared with itself, and what AND, OR and NOT make of them. A condition that does not look at the
//! row is not known to restrict anything.

use gateway_policy::facts::Restriction;
use pg_raw_parse::{ConstValue, Node, nodes};

use super::texts;

/// Levels of a condition that are folded.
const DEPTH: u8 = 24;
/// Conditions between ORs that are compared with each other.
const ALTERNATIVES: usize = 64;

/// What a condition is, whatever the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    /// It looks as if it always holds. Types are not known here, so this is a suspicion and NOT does not turn it round.
    Always,
    /// Certainly false or null.
    Never,
    /// It depends on something.
    Open,
}

pub(crate) fn restriction(condition: Node<'_>, target: &nodes::RangeVar, joined: bool) -> Restriction {
    if matches!(condition, Node::None) {
        return Restriction::Absent;
    }
    if matches!(condition, Node::CurrentOfExpr(_)) {
        return Restriction::Restricts;
    }
    let called = target.alias().and_then(nodes::Alias::aliasname).or(target.relname()).unwrap_or_default();
    match fold(condition, DEPTH) {
        Truth::Always => Restriction::AlwaysTrue,
        Truth::Never => Restriction::Restricts,
        Truth::Open if restricts(condition, called, joined, DEPTH) => Restriction::Restricts,
        Truth::Open => Restriction::Unknown,
    }
}

fn fold(node: Node<'_>, depth: u8) -> Truth {
    // What is hidden deeper than anybody writes is suspected.
    let Some(depth) = depth.checked_sub(1) else { return Truth::Always };
    match node {
        Node::A_Const(constant) => match constant.val() {
            None => Truth::Never,
            Some(value) => truth_of(value),
        },
        Node::TypeCast(cast) => fold(cast.arg(), depth),
        Node::CollateClause(collate) => fold(collate.arg(), depth),
        Node::BoolExpr(junction) => fold_junction(junction, depth),
        Node::A_Expr(comparison) => fold_comparison(comparison, depth),
        Node::NullTest(test) => fold_null_test(test),
        Node::BooleanTest(test) => fold_boolean_test(test, depth),
        Node::SubLink(link) => fold_sub_link(link),
        Node::CoalesceExpr(coalesce) => {
            let first = coalesce.args().iter().find(|argument| !is_null(Some(*argument)));
            first.map_or(Truth::Never, |first| fold(first, depth))
        }
        Node::CaseExpr(case) => fold_case(case, depth),
        _ => Truth::Open,
    }
}

/// A CASE that always ends in true, whichever way it goes.
fn fold_case(case: &nodes::CaseExpr, depth: u8) -> Truth {
    let holds = |node| fold(node, depth) == Truth::Always;
    let branches =
        case.args().iter().all(|branch| matches!(branch, Node::CaseWhen(when) if holds(when.result())));
    if branches && holds(case.defresult()) { Truth::Always } else { Truth::Open }
}

fn truth_of(value: ConstValue<'_>) -> Truth {
    match value {
        ConstValue::Boolean(true) => Truth::Always,
        ConstValue::Boolean(false) => Truth::Never,
        ConstValue::Integer(number) => {
            if number == 0 {
                Truth::Never
            } else {
                Truth::Always
            }
        }
        ConstValue::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "" | "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => Truth::Never,
            _ => Truth::Always,
        },
        _ => Truth::Open,
    }
}

fn fold_junction(junction: &nodes::BoolExpr, depth: u8) -> Truth {
    let mut folded = junction.args().iter().map(|argument| fold(argument, depth));
    match junction.boolop {
        nodes::BoolExprType::AND_EXPR => {
            let folded: Vec<_> = folded.collect();
            if folded.contains(&Truth::Never) {
                Truth::Never
            } else if folded.iter().all(|truth| *truth == Truth::Always) {
                Truth::Always
            } else {
                Truth::Open
            }
        }
        nodes::BoolExprType::OR_EXPR => {
            let folded: Vec<_> = folded.collect();
            if folded.contains(&Truth::Always) || has_opposites(junction) {
                Truth::Always
            } else if folded.iter().all(|truth| *truth == Truth::Never) {
                Truth::Never
            } else {
                Truth::Open
            }
        }
        _ => match folded.next() {
            // NOT NULL is null again, so nothing follows from that.
            Some(Truth::Never) if !is_null(junction.args().first()) => Truth::Always,
            _ => Truth::Open,
        },
    }
}

/// `x IS NULL OR x IS NOT NULL`, `a OR NOT a`, `a = 1 OR a <> 1`.
fn has_opposites(junction: &nodes::BoolExpr) -> bool {
    let arguments: Vec<_> = junction.args().iter().collect();
    // Each is compared with each; of more than that nobody says that none are opposites.
    arguments.len() > ALTERNATIVES
        || arguments.iter().enumerate().any(|(place, one)| {
            arguments.iter().skip(place + 1).any(|other| opposite(*one, *other) || opposite(*other, *one))
        })
}

fn opposite(one: Node<'_>, other: Node<'_>) -> bool {
    match (one, other) {
        (Node::NullTest(one), Node::NullTest(other)) => {
            one.nulltesttype != other.nulltesttype && same(one.arg(), other.arg(), DEPTH)
        }
        (one, Node::BoolExpr(not)) if not.boolop == nodes::BoolExprType::NOT_EXPR => {
            not.args().first().is_some_and(|inner| same(one, inner, DEPTH))
        }
        (Node::A_Expr(one), Node::A_Expr(other)) => {
            let negated = matches!(
                (texts(one.name()).as_slice(), texts(other.name()).as_slice()),
                (["="], ["<>" | "!="])
                    | (["<"], [">="])
                    | ([">"], ["<="])
                    | (["<="], [">"])
                    | ([">="], ["<"])
            );
            negated && same(one.lexpr(), other.lexpr(), DEPTH) && same(one.rexpr(), other.rexpr(), DEPTH)
        }
        _ => false,
    }
}

fn is_null(node: Option<Node<'_>>) -> bool {
    match node {
        Some(Node::A_Const(constant)) => constant.val().is_none(),
        Some(Node::TypeCast(cast)) => is_null(Some(cast.arg())),
        _ => false,
    }
}

fn fold_comparison(comparison: &nodes::A_Expr, depth: u8) -> Truth {
    use nodes::A_Expr_Kind as K;
    let operator = texts(comparison.name());
    let (left, right) = (comparison.lexpr(), comparison.rexpr());
    let equal = || same(left, right, depth);
    match (comparison.kind, operator.as_slice()) {
        (K::AEXPR_OP, [.., "=" | "<=" | ">=" | "~~" | "~~*"]) | (K::AEXPR_NOT_DISTINCT, _) if equal() => {
            Truth::Always
        }
        (K::AEXPR_LIKE | K::AEXPR_ILIKE, [.., "~~" | "~~*"]) if matches_anything(right) => Truth::Always,
        (K::AEXPR_IN, [.., "="]) => match right {
            Node::NodeList(list) if list.iter().any(|item| same(left, item, depth)) => Truth::Always,
            _ => Truth::Open,
        },
        (K::AEXPR_BETWEEN, _) => match right {
            Node::NodeList(list) if !list.is_empty() && list.iter().all(|bound| same(left, bound, depth)) => {
                Truth::Always
            }
            _ => Truth::Open,
        },
        (K::AEXPR_OP, [.., operator]) => match (number(left), number(right)) {
            (Some(left), Some(right)) => compare(left, operator, right),
            _ if matches!(operator, &"<>" | &"!=") && differ(left, right) => Truth::Always,
            _ => Truth::Open,
        },
        _ => Truth::Open,
    }
}

fn matches_anything(pattern: Node<'_>) -> bool {
    matches!(text(pattern), Some(text) if !text.is_empty() && text.bytes().all(|byte| byte == b'%'))
}

fn text(node: Node<'_>) -> Option<&str> {
    match node {
        Node::A_Const(constant) => match constant.val()? {
            ConstValue::String(text) => Some(text),
            _ => None,
        },
        Node::TypeCast(cast) => text(cast.arg()),
        _ => None,
    }
}

/// A number as it is written. A cast may round it and long ones are not exact, so those are not looked at.
fn number(node: Node<'_>) -> Option<f64> {
    let Node::A_Const(constant) = node else { return None };
    match constant.val()? {
        ConstValue::Integer(number) => Some(f64::from(number)),
        ConstValue::Float(text) if text.len() <= 15 => text.parse().ok(),
        _ => None,
    }
}

fn compare(left: f64, operator: &str, right: f64) -> Truth {
    let holds = match operator {
        "=" => left == right,
        "<>" | "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        ">=" => left >= right,
        _ => return Truth::Open,
    };
    if holds { Truth::Always } else { Truth::Never }
}

/// Two constant texts that are not the same.
fn differ(left: Node<'_>, right: Node<'_>) -> bool {
    matches!((text(left), text(right)), (Some(left), Some(right)) if left != right)
}

fn fold_null_test(test: &nodes::NullTest) -> Truth {
    let wants_null = test.nulltesttype == nodes::NullTestType::IS_NULL;
    match test.arg() {
        Node::A_Const(constant) if wants_null == constant.val().is_none() => Truth::Always,
        Node::A_Const(_) => Truth::Never,
        _ => Truth::Open,
    }
}

fn fold_boolean_test(test: &nodes::BooleanTest, depth: u8) -> Truth {
    use nodes::BoolTestType as T;
    match (test.booltesttype, fold(test.arg(), depth)) {
        (T::IS_TRUE, Truth::Always) => Truth::Always,
        (T::IS_NOT_TRUE, Truth::Never) => Truth::Always,
        (T::IS_NOT_FALSE | T::IS_NOT_UNKNOWN, Truth::Always) => Truth::Always,
        _ => Truth::Open,
    }
}

/// `EXISTS (SELECT 1)` and `id IN (SELECT id FROM t)`, where nothing in the sub-select leaves a row out.
fn fold_sub_link(link: &nodes::SubLink) -> Truth {
    let Node::SelectStmt(select) = link.subselect() else { return Truth::Open };
    let whole = matches!(select.where_clause(), Node::None)
        && matches!(select.having_clause(), Node::None)
        && matches!(select.limit_count(), Node::None)
        && matches!(select.limit_offset(), Node::None)
        && select.op == nodes::SetOperation::SETOP_NONE;
    match link.sub_link_type {
        nodes::SubLinkType::EXISTS_SUBLINK if whole && select.from_clause().is_empty() => Truth::Always,
        nodes::SubLinkType::ANY_SUBLINK if whole && link.oper_name().is_empty() => {
            let selected = select.target_list().first().map(|target| target.val());
            match selected {
                Some(selected) if same(link.testexpr(), selected, DEPTH) => Truth::Always,
                _ => Truth::Open,
            }
        }
        _ => Truth::Open,
    }
}

/// Whether a condition that could not be folded looks at the row of the target.
fn restricts(node: Node<'_>, target: &str, joined: bool, depth: u8) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let inner = |node| restricts(node, target, joined, depth);
    match node {
        Node::BoolExpr(junction) => {
            let mut open = junction.args().iter();
            match junction.boolop {
                // One that restricts is enough.
                nodes::BoolExprType::AND_EXPR => {
                    open.any(|one| fold(one, depth) == Truth::Never || inner(one))
                }
                nodes::BoolExprType::OR_EXPR => {
                    open.all(|one| fold(one, depth) == Truth::Never || inner(one))
                }
                _ => open.any(inner),
            }
        }
        // What always holds takes nothing away.
        _ => fold(node, depth) == Truth::Open && mentions(node, target, joined, depth),
    }
}

fn mentions(node: Node<'_>, target: &str, joined: bool, depth: u8) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let inner = |node| mentions(node, target, joined, depth);
    match node {
        Node::ColumnRef(column) => match texts(column.fields()).as_slice() {
            [_] => !joined,
            [.., table, _] => *table == target,
            [] => false,
        },
        Node::A_Expr(operation) => inner(operation.lexpr()) || inner(operation.rexpr()),
        Node::BoolExpr(junction) => junction.args().iter().any(inner),
        Node::FuncCall(call) => call.args().iter().any(inner),
        Node::TypeCast(cast) => inner(cast.arg()),
        Node::CollateClause(collate) => inner(collate.arg()),
        Node::NullTest(test) => inner(test.arg()),
        Node::BooleanTest(test) => inner(test.arg()),
        Node::CoalesceExpr(coalesce) => coalesce.args().iter().any(inner),
        Node::MinMaxExpr(extreme) => extreme.args().iter().any(inner),
        Node::RowExpr(row) => row.args().iter().any(inner),
        Node::NodeList(list) => list.iter().any(inner),
        Node::A_ArrayExpr(array) => array.elements().iter().any(inner),
        Node::A_Indirection(indirection) => inner(indirection.arg()),
        Node::CaseExpr(case) => case.args().iter().any(inner),
        Node::CaseWhen(when) => inner(when.expr()),
        Node::SubLink(link) => inner(link.testexpr()) || correlated(link, target, depth),
        _ => false,
    }
}

/// A sub-select that compares something with the row it is asked for.
fn correlated(link: &nodes::SubLink, target: &str, depth: u8) -> bool {
    match link.subselect() {
        // Inside, a name alone belongs to the sub-select.
        Node::SelectStmt(select) => mentions(select.where_clause(), target, true, depth),
        _ => false,
    }
}

/// Whether two expressions are written alike and give the same value twice, as far as they are looked at.
fn same(one: Node<'_>, other: Node<'_>, depth: u8) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return true };
    match (one, other) {
        (Node::ColumnRef(one), Node::ColumnRef(other)) => {
            let (one, other) = (texts(one.fields()), texts(other.fields()));
            // `t.a = a` is the same column as well, unless something else is called so.
            !one.is_empty() && one.last() == other.last() && (one.len() != other.len() || one == other)
        }
        (Node::ParamRef(one), Node::ParamRef(other)) => one.number == other.number,
        (Node::A_Const(one), Node::A_Const(other)) => match (one.val(), other.val()) {
            (Some(ConstValue::String(one)), Some(ConstValue::String(other))) => one == other,
            (Some(ConstValue::Integer(one)), Some(ConstValue::Integer(other))) => one == other,
            (Some(ConstValue::Float(one)), Some(ConstValue::Float(other))) => one == other,
            (Some(ConstValue::Boolean(one)), Some(ConstValue::Boolean(other))) => one == other,
            _ => false,
        },
        (Node::TypeCast(one), Node::TypeCast(other)) => same(one.arg(), other.arg(), depth),
        (Node::TypeCast(one), other) => same(one.arg(), other, depth),
        (one, Node::TypeCast(other)) => same(one, other.arg(), depth),
        (Node::FuncCall(one), Node::FuncCall(other)) => {
            texts(one.funcname()) == texts(other.funcname()) && same_lists(one.args(), other.args(), depth)
        }
        (Node::CoalesceExpr(one), Node::CoalesceExpr(other)) => same_lists(one.args(), other.args(), depth),
        (Node::A_Expr(one), Node::A_Expr(other)) => {
            texts(one.name()) == texts(other.name())
                && same(one.lexpr(), other.lexpr(), depth)
                && same(one.rexpr(), other.rexpr(), depth)
        }
        (Node::None, Node::None) => true,
        _ => false,
    }
}

fn same_lists(one: &pg_raw_parse::list::NodeList, other: &pg_raw_parse::list::NodeList, depth: u8) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other, depth))
}
