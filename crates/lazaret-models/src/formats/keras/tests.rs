//! What is found in Keras configurations, and what is not.

use std::sync::Arc;

use lazaret_core::{Hint, Limits, Severity};
use lazaret_input::MemorySource;

use crate::look::{NoFolder, Report, look};

fn said(json: &str) -> Report {
    let source = MemorySource::new(json.as_bytes(), Hint::default());
    look(Arc::new(source), json.len() as u64, "model.json", &NoFolder, &Limits::default())
}

fn model(layer: &str) -> String {
    format!(r#"{{"module":"keras","class_name":"Sequential","config":{{"layers":[{layer}]}}}}"#)
}

fn worst(layer: &str) -> Option<(&'static str, Severity)> {
    let report = said(&model(layer));
    assert_eq!(report.format.0, "keras-config", "{layer}");
    report
        .findings
        .iter()
        .max_by_key(|finding| finding.severity)
        .map(|finding| (finding.id, finding.severity))
}

#[test]
fn what_runs_code_is_critical() {
    for (layer, id) in [
        (
            r#"{"class_name":"Lambda","config":{"function":["4wA=",null,null],"function_type":"lambda"}}"#,
            "keras.lambda",
        ),
        (
            r#"{"module":"keras.layers","class_name":"Wrapper","config":{"layer":{"class_name":"__lambda__","config":{}}}}"#,
            "keras.lambda",
        ),
        (r#"{"Class_Name":"lambda","config":{}}"#, "keras.lambda"),
        (r#"{"class_name":"Custom>Lambda","config":{}}"#, "keras.lambda"),
        (r#"{"module":"subprocess","class_name":"Popen","config":{}}"#, "keras.foreign-callable"),
        (
            r#"{"module":"subprocess","class_name":"Popen","registered_name":"a>Popen","config":{}}"#,
            "keras.foreign-callable",
        ),
        (r#"{"module":"evil_package","class_name":"run","config":{}}"#, "keras.foreign-callable"),
        (r#"{"module":"kerasx.layers","class_name":"Dense","config":{}}"#, "keras.foreign-callable"),
        (r#"{"module":"keras.utils","class_name":"function","config":"get_file"}"#, "keras.foreign-callable"),
        (
            r#"{"module":"keras.src.utils.file_utils","class_name":"function","config":"get_file"}"#,
            "keras.foreign-callable",
        ),
        (
            r#"{"module":"keras.config","class_name":"function","config":"enable_unsafe_deserialization"}"#,
            "keras.foreign-callable",
        ),
        (
            r#"{"module":"keras.models","class_name":"function","config":"load_model"}"#,
            "keras.foreign-callable",
        ),
        (r#"{"module":"builtins","class_name":"function","config":"eval"}"#, "keras.foreign-callable"),
        (r#"{"class_name":"Dense","config":{"activation":"os.system"}}"#, "keras.foreign-callable"),
        (r#"{"class_name":"TFOpLambda","config":{"function":"io.write_file"}}"#, "keras.foreign-callable"),
        (r#"{"class_name":"TextVectorization","config":{"vocabulary":"/etc/hostname"}}"#, "keras.reads-file"),
        (
            r#"{"class_name":"Discretization","config":{"bin_boundaries":"/etc/hostname"}}"#,
            "keras.reads-file",
        ),
        (r#"{"module":"os","class_name":"Dense","class_name":"system"}"#, "keras.foreign-callable"),
    ] {
        assert!(matches!(worst(layer), Some((_, Severity::Critical))), "{layer}");
        assert!(said(&model(layer)).findings.iter().any(|finding| finding.id == id), "{layer}");
    }
}

#[test]
fn what_needs_code_of_somebody_is_held() {
    for layer in [
        r#"{"module":"my_project.layers","class_name":"Attn","registered_name":"my>Attn","config":{}}"#,
        r#"{"module":"__main__","class_name":"Attn","registered_name":"Attn","config":{}}"#,
        r#"{"class_name":"MyLayer","config":{}}"#,
        r#"{"module":"builtins","class_name":"function","config":"my_loss","registered_name":"function"}"#,
    ] {
        assert_eq!(worst(layer), Some(("keras.custom-object", Severity::High)), "{layer}");
    }
}

#[test]
fn what_keras_writes_is_quiet() {
    for layer in [
        r#"{"module":"keras.layers","class_name":"Dense","config":{"activation":"relu","dtype":{"module":"keras","class_name":"DTypePolicy","config":{"name":"float32"},"registered_name":null}},"registered_name":null}"#,
        r#"{"class_name":"Dense","config":{"activation":{"module":"builtins","class_name":"function","config":"relu","registered_name":"relu"}}}"#,
        r#"{"class_name":"StringLookup","config":{"vocabulary":["lambda","exec","os.system"],"name":"lambda"}}"#,
        r#"{"module":"keras.src.ops.numpy","class_name":"GetItem","config":{}}"#,
        r#"{"class_name":"TFOpLambda","config":{"function":"math.multiply"}}"#,
        r#"{"module":"keras.ops","class_name":"function","config":"relu"}"#,
        r#"{"module":"keras.src.models.functional","class_name":"Functional","config":{}}"#,
        r#"{"class_name":"__tuple__","items":[{"class_name":"TensorShape","items":[1]}]}"#,
    ] {
        assert_eq!(worst(layer), None, "{layer}");
    }
}

#[test]
fn places_are_paths() {
    let report = said(&model(r#"{},{"class_name":"Lambda","config":{}}"#));
    assert_eq!(report.findings[0].at.as_str(), "model.json!config.layers[1]");
}
