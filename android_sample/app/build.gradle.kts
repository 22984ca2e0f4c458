plugins {
    id("com.android.application")
    kotlin("android")
}

android {
    namespace = "mobilecat.app"
    compileSdk = 35
    defaultConfig {
        applicationId = "mobilecat.catcam"
        minSdk = 24
        targetSdk = 35
        versionCode = 1
        versionName = "1"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
    kotlinOptions { jvmTarget = "11" }
    // What `mobilecat export --android app/model` writes: contracts, and a folder of assets.
    sourceSets["main"].kotlin.srcDir("model")
    sourceSets["main"].assets.srcDir("model/assets")
    // Mapped into memory as they lie in the APK.
    androidResources { noCompress += listOf("tflite", "onnx") }
}

dependencies {
    implementation(project(":kit"))
    implementation("androidx.activity:activity-ktx:1.9.3")
    implementation("androidx.core:core-ktx:1.15.0")
    implementation("androidx.camera:camera-camera2:1.4.1")
    implementation("androidx.camera:camera-lifecycle:1.4.1")
    implementation("androidx.camera:camera-view:1.4.1")
    // org.tensorflow.lite.Interpreter: its signatures give outputs by name.
    implementation("com.google.ai.edge.litert:litert:1.4.2")
}
