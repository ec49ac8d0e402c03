
Mroot.a"_tf_keras_layer*0{"class_name": "Dense", "config": {"name": "a"}}