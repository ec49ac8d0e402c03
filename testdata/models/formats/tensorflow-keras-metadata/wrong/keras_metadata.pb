
Nroot.a"_tf_keras_layer*1{"class_name": "Lambda", "config": {"name": "a"}}